"""Flat settings of older configs and runs, read as today's."""

import pytest

from movinet.config.typed import ConfigError
from search.earlier_settings import in_todays_words

EVOLUTION = {"name": "evolution", "population": 6, "tournament": 3}
OF_A_RUN = {"objective": "pareto", "target_mflops": None, "beta": -0.1, "population": 6, "tournament": 3}


@pytest.mark.parametrize(
    ("earlier", "today"),
    [
        ({"strategy": "evolution", **OF_A_RUN, "trials": 5}, {"strategy": EVOLUTION, "trials": 5}),
        ({"strategy": "random", **OF_A_RUN}, {"strategy": {"name": "random"}}),
        ({"population": 6, "tournament": 3}, {"strategy": EVOLUTION}),
        ({"strategy": {"name": "evolution", "tournament": 3}, "population": 6}, {"strategy": EVOLUTION}),
        (
            {"objective": "reward", "target_mflops": 2, "beta": -0.2},
            {"reward": {"target": 2e6, "beta": -0.2}},
        ),
        ({"reward": {"target_mflops": 2}}, {"reward": {"target": 2e6, "beta": -0.1}}),
        (
            {"reward": {"target": 5.0}, "objectives": ["parameters"]},
            {"reward": {"target": 5.0}, "objectives": ["parameters"]},
        ),
        (
            {"early_stopping": {"kind": "none", "grace_epochs": 1, "reduction": 2.0}},
            {"early_stopping": {"kind": "none"}},
        ),
        ({"strategy": EVOLUTION}, {"strategy": EVOLUTION}),
        (3, 3),
    ],
)
def test_each_setting_is_put_where_it_is_today(earlier, today):
    assert in_todays_words(earlier) == today


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"objective": "parteo"}, "search.objective=parteo is not allowed; allowed: pareto, reward"),
        ({"objective": "reward"}, "search.target_mflops=null is not allowed; allowed: a number > 0"),
        ({"reward": {"target_mflops": 0}}, "search.reward.target_mflops=0.0 is not allowed; allowed: a number > 0"),
        (
            {"reward": {"target_mflops": 2, "target": 2}},
            "search.reward.target_mflops is not allowed beside search.reward.target",
        ),
        (
            {"reward": {"target_mflops": 2}, "objectives": ["accuracy", "buffer_bytes"]},
            "search.reward.target_mflops is no target of accuracy, buffer_bytes; allowed: search.reward.target",
        ),
        (
            {"strategy": EVOLUTION, "population": 7},
            "search.population is not allowed beside search.strategy.population",
        ),
        ({"strategy": "guided", "population": 7}, "search.population is not a setting; allowed: search.strategy.pop"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(search, message):
    with pytest.raises(ConfigError) as caught:
        in_todays_words(search)
    assert message in str(caught.value)
