import math

import pytest

from search.view.progress import GROWTH, FamilyProgress, SearchProgress, TrialProgress
from tests.results.test_plots import trial


def progress(records=(), limit=None, trials=10) -> SearchProgress:
    return SearchProgress(trials=trials, records=records, limit=limit, cost="flops")


def test_the_best_is_the_most_accurate_and_of_equals_the_cheapest():
    state = progress([trial(0, 4, 0.5), trial(1, 2, 0.5), trial(2, 1, 0.25)])
    assert state.best is not None
    assert state.best.trial == 1
    assert progress().best is None


def test_failed_trials_count_but_never_lead():
    state = progress([trial(0, 4, 0.5), trial(1, 2, None, status="failed", reason="loss is nan")])
    assert (state.ended("finished"), state.ended("failed"), state.front_size) == (1, 1, 1)


def test_the_time_left_counts_epochs_and_forgets_an_earlier_process():
    state = progress([trial(0, 4, 0.5), trial(1, 2, 0.5)])
    training = TrialProgress(worker=0, cost=10, epochs=4)
    assert state.seconds_left([], now=110.0) is None
    state.began = 100.0
    assert state.seconds_left([training], now=110.0) is None
    training.epoch_done(2, accuracy=0.5)
    assert state.seconds_left([training], now=110.0) == pytest.approx(10 / 0.5 * 7.5)
    state.records.append(trial(2, 4, 0.5))
    assert state.seconds_left([], now=110.0) == pytest.approx(10 / 1 * 7)


def test_the_time_left_of_a_family_counts_its_growing_work():
    family = FamilyProgress(("A0", "A1", "A2"), ratio=2.0 ** (1 / GROWTH), began=100.0)
    half = TrialProgress(worker=0, cost=10, epochs=2)
    assert family.seconds_left({"A1": half}, now=110.0) is None
    half.epoch_done(1, 0.5)
    family.accuracies["A0"] = 0.5
    assert family.seconds_left({"A1": half}, now=110.0) == pytest.approx(10 / (1 + 2 / 2) * (7 - 2))


def test_a_network_in_training_keeps_its_best_epoch():
    training = TrialProgress(worker=0, cost=10, epochs=4)
    training.epoch_done(1, 0.5)
    training.epoch_done(2, 0.25)
    assert (training.epoch, training.accuracy, training.share) == (2, 0.5, 0.5)


def test_the_hypervolume_is_the_area_in_decades_below_the_budget():
    records = [trial(0, 1, 0.5), trial(1, 10, 0.75)]
    assert progress(records, limit=100e6).hypervolume == pytest.approx(2 * 0.5 + 1 * 0.25)
    assert progress(records).hypervolume == pytest.approx(1 * 0.5)  # the costliest so far is the limit
    assert progress().hypervolume == 0.0
    assert math.isfinite(progress(records, limit=1.0).hypervolume)
