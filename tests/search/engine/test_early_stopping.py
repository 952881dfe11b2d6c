"""Successive halving within an octave of FLOPs, rebuilt from records."""

from types import SimpleNamespace

import pytest

from results.record import TrialRecord

pytest.importorskip("ray")

from search.engine.early_stopping import OctaveAsha
from search.settings import EarlyStopping

ASHA = EarlyStopping(kind="asha", grace_epochs=1, reduction=2.0)


def run(scheduler: OctaveAsha, name: str, flops: int, accuracies: list[float]) -> int:
    """How many epochs a trial of these accuracies gets."""
    trial = SimpleNamespace(trial_id=name, config={"flops": flops})
    scheduler.on_trial_add(None, trial)
    for epoch, accuracy in enumerate(accuracies, 1):
        if scheduler.on_trial_result(None, trial, {"epoch": epoch, "score": accuracy}) == "STOP":
            return epoch
    return len(accuracies)


def test_the_worse_half_of_an_octave_is_stopped_at_a_rung():
    scheduler = OctaveAsha(ASHA, epochs=4)
    assert run(scheduler, "good", 1_100_000, [0.5, 0.6, 0.7, 0.8]) == 4
    assert run(scheduler, "bad", 1_200_000, [0.2, 0.6, 0.7, 0.8]) == 1
    assert run(scheduler, "late", 1_300_000, [0.6, 0.3, 0.7, 0.8]) == 2


def test_a_small_network_does_not_compete_with_large_ones():
    scheduler = OctaveAsha(ASHA, epochs=4)
    run(scheduler, "large", 8_000_000, [0.8, 0.8, 0.8, 0.8])
    assert run(scheduler, "small", 1_000_000, [0.2, 0.2, 0.2, 0.2]) == 4


def test_rungs_rebuilt_from_records_decide_as_those_that_saw_the_trials():
    accuracies = [[0.5, 0.6, 0.7], [0.4, 0.5, 0.5], [0.6, 0.6, 0.6], [0.3, 0.4, 0.4]]
    live, records = OctaveAsha(ASHA, epochs=3), []
    for trial, values in enumerate(accuracies):
        epochs = run(live, str(trial), 1_500_000, values)
        measurements = [{"epoch": e, "val_accuracy": v} for e, v in enumerate(values[:epochs], 1)]
        cost = {"flops": 1_500_000}
        records.append(TrialRecord(trial, {}, {}, str(trial), cost, "finished", 0, 1.0, measurements=measurements))
    rebuilt = OctaveAsha(ASHA, epochs=3, records=records)
    for last in ([0.45, 0.7, 0.7], [0.55, 0.55, 0.9], [0.7, 0.2, 0.9]):
        name = str(last)
        assert run(rebuilt, name, 1_500_000, last) == run(live, name, 1_500_000, last)
