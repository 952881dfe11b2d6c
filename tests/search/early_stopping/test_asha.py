"""Successive halving within an octave of FLOPs, by hand-made rungs and beside Ray's own."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from search.early_stopping.asha import OctaveAsha, quantile
from search.early_stopping.stopping import Curve, EarlyStopping, RungSettings
from tests.contracts.early_stopping_contract import made_up_curves, replayed


def asha(epochs: int, grace_epochs: int = 1, reduction: float = 2.0) -> OctaveAsha:
    return OctaveAsha(RungSettings(grace_epochs, reduction), epochs)


def epochs_of(stopping: EarlyStopping, *trials: tuple[int, list[float]]) -> list[int]:
    """How many epochs each trial gets, one after the other; a trial: its FLOPs and accuracies."""
    whole = [Curve(n, {"flops": flops}, tuple(values)) for n, (flops, values) in enumerate(trials)]
    return [len(curve.accuracies) for curve in replayed(stopping, whole, workers=1).values()]


def test_the_worse_half_of_an_octave_is_stopped_at_a_rung():
    good, bad, late = [0.5, 0.6, 0.7, 0.8], [0.2, 0.6, 0.7, 0.8], [0.6, 0.3, 0.7, 0.8]
    assert epochs_of(asha(4), (1_100_000, good), (1_200_000, bad), (1_300_000, late)) == [4, 1, 2]


def test_a_small_network_does_not_compete_with_large_ones():
    assert epochs_of(asha(4), (8_000_000, [0.8] * 4), (1_000_000, [0.2] * 4)) == [4, 4]


@pytest.mark.parametrize(
    ("epochs", "grace", "reduction", "rungs"),
    [(6, 1, 2, {1, 2, 4}), (6, 2, 2, {2, 4}), (30, 3, 3, {3, 9, 27}), (6, 6, 2, {6}), (5, 1, 1.5, {1, 2, 3, 4})],
)
def test_rungs_are_a_reduction_apart(epochs, grace, reduction, rungs):
    assert asha(epochs, grace, reduction).rungs == rungs


@pytest.mark.parametrize("count", [1, 2, 3, 7, 30])
def test_a_quantile_is_numpys(count):
    values = [random.Random(count).randrange(30) / 30 for _ in range(count)]
    assert all(quantile(values, share) == np.quantile(values, share) for share in (0, 1 / 3, 0.5, 2 / 3, 0.75, 0.9))


class RaysAsha(EarlyStopping):
    """One ASHAScheduler of Ray per octave, told of every epoch once, as Ray does."""

    def __init__(self, settings: RungSettings, epochs: int):
        super().__init__(settings, epochs)
        self.octaves, self.trials = {}, {}

    def goes_on(self, curve, others):
        from ray.tune.schedulers import ASHAScheduler

        epoch, octave = len(curve.accuracies), int(curve.costs["flops"]).bit_length()
        if octave not in self.octaves:
            rungs = {"grace_period": self.settings.grace_epochs, "reduction_factor": self.settings.reduction}
            self.octaves[octave] = ASHAScheduler(
                time_attr="epoch", metric="score", mode="max", max_t=self.epochs, **rungs
            )
        ray, trial = self.octaves[octave], SimpleNamespace(trial_id=str(curve.trial))
        if epoch == 1:
            ray.on_trial_add(None, trial)
        return ray.on_trial_result(None, trial, {"epoch": epoch, "score": curve.accuracies[-1]}) != "STOP"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("settings", [(1, 2.0), (2, 2.0), (1, 3.0), (1, 1.5), (2, 4.0)])
def test_the_decisions_are_those_of_ray(seed, settings):
    pytest.importorskip("ray")
    whole, rungs = made_up_curves(seed, trials=60, epochs=9), RungSettings(*settings)
    ours = replayed(OctaveAsha(rungs, 9), whole, workers=4, seed=seed)
    assert ours == replayed(RaysAsha(rungs, 9), whole, workers=4, seed=seed)
    assert 60 * 2 < sum(len(curve.accuracies) for curve in ours.values()) < 60 * 8  # some are stopped, not all at once
