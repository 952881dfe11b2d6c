import math

import pytest

from search.progress import Running, SearchProgress
from tests.test_plots import trial


def progress(records=(), limit=None, trials=10) -> SearchProgress:
    return SearchProgress(trials=trials, records=records, floor=0.25, limit=limit, now=100.0)


def test_the_best_is_the_most_accurate_and_of_equals_the_cheapest():
    state = progress([trial(0, 4, 0.5), trial(1, 2, 0.5), trial(2, 1, 0.25)])
    assert state.best is not None
    assert state.best.trial == 1
    assert progress().best is None


def test_failed_trials_count_but_never_lead():
    state = progress([trial(0, 4, 0.5), trial(1, 2, None, status="failed", reason="loss is nan")])
    assert (state.count("finished"), state.count("failed"), state.front_size) == (1, 1, 1)


def test_the_time_left_counts_epochs_and_forgets_an_earlier_process():
    state = progress([trial(0, 4, 0.5), trial(1, 2, 0.5)])
    assert state.seconds_left(now=110.0) is None
    state.trial_started(2, Running(worker=1, flops=10, epochs=4))
    state.epoch_done(2, epoch=2, accuracy=0.5)
    assert state.seconds_left(now=110.0) == pytest.approx(10 / 0.5 * 7.5)
    state.trial_ended(trial(2, 4, 0.5))
    assert state.running == {}
    assert state.seconds_left(now=110.0) == pytest.approx(10 / 1 * 7)


def test_a_running_trial_keeps_its_best_epoch():
    state = progress()
    state.trial_started(0, Running(worker=1, flops=10, epochs=4))
    state.epoch_done(0, 1, 0.5)
    state.epoch_done(0, 2, 0.25)
    assert (state.running[0].epoch, state.running[0].accuracy) == (2, 0.5)


def test_the_hypervolume_is_the_area_in_decades_below_the_budget():
    records = [trial(0, 1, 0.5), trial(1, 10, 0.75)]
    assert progress(records, limit=100e6).hypervolume == pytest.approx(2 * 0.25 + 1 * 0.25)
    assert progress(records).hypervolume == pytest.approx(1 * 0.25)  # the costliest so far is the limit
    assert progress().hypervolume == 0.0
    assert math.isfinite(progress(records, limit=1.0).hypervolume)
