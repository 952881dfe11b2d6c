"""Every strategy of the registry keeps the contract, and is chosen by its name with its own settings."""

import pytest

from movinet.config.file import plain
from movinet.config.typed import ConfigError, build
from search.settings import SearchSettings
from search.strategies.evolution import Evolution, EvolutionSettings
from search.strategies.random_search import RandomSearch
from search.strategies.registry import STRATEGIES, StrategyChoice
from tests.contracts.strategy_contract import TASK, StrategyContract

CHEAP = {
    "guided": {"candidates": 60},
    "keras_tuner": {"first": 24},
}  # settings under which the contract takes less time
THIS = "tests.search.strategies.test_registry"


class Shrinking(RandomSearch):
    """A strategy from outside, with nothing to set."""


SLOW = {"keras_tuner"}  # seconds for a proposal
NAMED = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in STRATEGIES]


@pytest.mark.parametrize("name", [*NAMED, f"{THIS}:Shrinking"])
class TestEveryStrategy(StrategyContract):
    @pytest.fixture
    def make(self, name):
        return lambda task: StrategyChoice.of(name, **CHEAP.get(name, {})).make(task, seed=0)


class TestFilteredNsga2(StrategyContract):
    """NSGA-II with what cures it of few trials."""

    @pytest.fixture
    def make(self):
        return lambda task: StrategyChoice.of("nsga2", parents="density", filter="gain").make(task, seed=0)


def test_each_strategy_names_its_own_settings():
    assert all(kind.Settings is settings for kind, settings in STRATEGIES.values())


@pytest.mark.parametrize(
    "written", ["evolution", {"name": "evolution"}, {"name": "evolution", "population": 12, "tournament": 4}]
)
def test_a_name_and_a_mapping_are_the_same_choice(written):
    settings = build(SearchSettings, {"strategy": written})
    assert settings == SearchSettings()
    assert plain(settings)["strategy"] == {"name": "evolution", "population": 12, "tournament": 4}


def test_a_choice_makes_the_strategy_with_its_settings():
    made = build(SearchSettings, {"strategy": {"name": "evolution", "population": 40}}).strategy.make(TASK, seed=3)
    assert isinstance(made, Evolution)
    assert (made.settings, made.seed) == (EvolutionSettings(population=40), 3)


NAMES = "random, evolution"  # the first of them


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("bayes", f"search.strategy=bayes is not allowed; allowed: {NAMES}"),
        ({"name": "bayes"}, f"search.strategy.name=bayes is not allowed; allowed: {NAMES}"),
        ({"name": 3}, f"search.strategy.name=3 is not allowed; allowed: {NAMES}"),
        (7, f"search.strategy=7 is not allowed; allowed: a mapping with name, or a name: {NAMES}"),
        (
            {"name": "evolution", "popluation": 3},
            "search.strategy.popluation is not a setting; did you mean population? allowed: name, population, t",
        ),
        ({"name": "random", "population": 3}, "search.strategy.population is not a setting; allowed: name"),
        ({"population": 0}, "search.strategy.population=0 is not allowed; allowed: an integer >= 1"),
        ("no.such:Class", "search.strategy=no.such:Class cannot be imported (No module named 'no')"),
        ("json:Missing", "search.strategy=json:Missing is not allowed; allowed: a class of that module that derives"),
        ("json:JSONDecoder", "that derives from search.strategies.strategy.Strategy"),
    ],
)
def test_what_is_wrong_is_told_by_its_key_with_what_is_allowed(written, message):
    with pytest.raises(ConfigError) as caught:
        build(SearchSettings, {"strategy": written}, "search")
    assert message in str(caught.value)
