"""Every early stopping of the registry keeps the contract, and is chosen by its kind with its own settings."""

import pytest

from movinet.config.typed import ConfigError, build
from search.early_stopping.registry import EARLY_STOPPINGS, EarlyStoppingChoice
from search.early_stopping.stopping import EarlyStopping
from search.settings import SearchSettings
from tests.contracts.early_stopping_contract import EarlyStoppingContract, made_up_curves, replayed

THIS = "tests.search.early_stopping.test_registry"


class BelowHalf(EarlyStopping):
    """An early stopping from outside: stops what is less accurate than the mean of those that came as far."""

    def goes_on(self, curve, others):
        reached = [each.accuracies[1] for each in others if len(each.accuracies) >= 2]
        return len(curve.accuracies) != 2 or not reached or curve.accuracies[1] >= sum(reached) / len(reached)


@pytest.mark.parametrize("kind", [*EARLY_STOPPINGS, f"{THIS}:BelowHalf"])
class TestEveryEarlyStopping(EarlyStoppingContract):
    @pytest.fixture
    def make(self, kind):
        return EarlyStoppingChoice.of(kind).make


def test_each_early_stopping_names_its_own_settings():
    assert all(kind.Settings is settings for kind, settings in EARLY_STOPPINGS.values())


def test_none_stops_nothing():
    whole = made_up_curves(0)
    assert list(replayed(EarlyStoppingChoice.of("none").make(6), whole, workers=1).values()) == whole


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"kind": "none", "grace_epochs": 2}, "search.early_stopping.grace_epochs is not a setting; allowed: kind"),
        (
            {"kind": "top_k", "reduction": 1},
            "search.early_stopping.reduction=1.0 is not allowed; allowed: a number > 1",
        ),
        ("json:JSONDecoder", "derives from search.early_stopping.stopping.EarlyStopping"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(written, message):
    with pytest.raises(ConfigError) as caught:
        build(SearchSettings, {"early_stopping": written}, "search")
    assert message in str(caught.value)
