import heapq
import itertools
import math
import random

import pytest

from search.limits import Limits
from search.view.progress import GROWTH, FamilyProgress, SearchProgress, TrialProgress
from tests.results.test_plots import trial


def progress(records=(), limit=None, whole=4, seconds=0.0, **limits) -> SearchProgress:
    return SearchProgress(Limits(**limits or {"trials": 10}), whole, records, limit, ["flops"], seconds)


def test_the_best_is_the_most_accurate_and_of_equals_the_cheapest():
    state = progress([trial(0, 4, 0.5), trial(1, 2, 0.5), trial(2, 1, 0.25)])
    assert state.best is not None
    assert state.best.trial == 1
    assert progress().best is None


def test_failed_trials_count_but_never_lead():
    state = progress([trial(0, 4, 0.5), trial(1, 2, None, status="failed", reason="loss is nan")])
    assert (state.ended("finished"), state.ended("failed"), state.front_size) == (1, 1, 1)


class Simulated:
    """A search by a simulated clock: two workers, which start late, on trials of different lengths."""

    def __init__(self, seed: int, epochs: int = 6, **limits):
        self.state = progress(whole=epochs, **limits)
        self.state.began = 0.0
        self.rng, self.epochs, self.running, self.queue = random.Random(seed), epochs, {}, []
        self.told: list[tuple[float, float | None]] = []  # (when, the time left) after each epoch
        for worker in range(2):
            self.begin(worker, 12.0 + worker, start=4.0)

    def begin(self, worker: int, now: float, start: float = 0.0) -> None:
        trial, seconds = len(self.state.records) + len(self.running), self.rng.lognormvariate(1.0, 0.25)
        if self.state.limits.used(trial, now, self.state._epochs_done(self.running)) < 1:
            self.running[trial] = TrialProgress(worker, 10, self.epochs)
            heapq.heappush(self.queue, (now + start + 1.5 * seconds, trial, seconds))

    def run(self) -> float:
        """When it ended."""
        now = 0.0
        while self.queue:
            now, number, seconds = heapq.heappop(self.queue)
            training = self.running[number]
            training.epoch_done(training.epoch + 1, 0.5)
            self.state.pace.epoch_done(training.worker, 1.0, now)
            self.told.append((now, self.state.seconds_left(self.running, now)))
            over = self.state.used(self.running, now) >= 1
            if training.left and not over:
                heapq.heappush(self.queue, (now + seconds, number, seconds))
                continue
            self.running.pop(number)
            measured = [{"epoch": 1 + epoch, "val_accuracy": 0.5} for epoch in range(training.epoch)]
            self.state.records.append(trial(number, 4, 0.5, measurements=measured))
            self.begin(training.worker, now)
        return now


@pytest.mark.parametrize("seed", range(5))
def test_the_time_left_is_told_after_a_first_epoch_and_then_steady(seed):
    search = Simulated(seed, trials=28)
    end = search.run()
    first = next(index for index, (_, left) in enumerate(search.told) if left is not None)
    assert search.told[0][1] is None, "the first epoch of a worker holds its start"
    assert first <= 3
    ends = [now + left for now, left in search.told[first:] if left is not None]
    assert len(ends) == len(search.told) - first
    assert all(abs(told - end) < 0.35 * end for told in ends)
    assert all(abs(told - end) < 0.15 * end for told in ends[len(ends) // 3 :])
    assert all(abs(one - next_one) < 0.2 * end for one, next_one in itertools.pairwise(ends))


def test_between_epochs_the_time_left_runs_down():
    state = progress(trials=10)
    state.began = 0.0
    training = TrialProgress(worker=0, cost=10, epochs=4)
    for epoch, now in ((1, 30.0), (2, 40.0), (3, 50.0)):
        training.epoch_done(epoch, 0.5)
        state.pace.epoch_done(0, 1.0, now)
    left = [state.seconds_left({0: training}, now) for now in (50.0, 54.0, 58.0, 75.0)]
    assert left == pytest.approx([370, 366, 362, 360])  # 37 epochs of 10 s; no epoch is done before it is


def test_the_first_limit_to_be_reached_tells_the_time_left():
    for limits, left in (
        ({"trials": 10, "epochs": 8}, 50.0),
        ({"hours": 0.1}, 360.0 - 50 - 100),
        ({"trials": 10, "hours": 0.1}, 210.0),
        ({"trials": 3, "hours": 1}, 90.0),
    ):
        state = progress(seconds=100.0, **limits)
        state.began = 0.0
        training = TrialProgress(worker=0, cost=10, epochs=4)
        for epoch, now in ((1, 30.0), (2, 40.0), (3, 50.0)):
            training.epoch_done(epoch, 0.5)
            state.pace.epoch_done(0, 1.0, now)
        assert state.seconds_left({0: training}, 50.0) == pytest.approx(left), limits


def test_the_time_left_of_a_family_counts_its_growing_work():
    family = FamilyProgress(("A0", "A1", "A2"), ratio=2.0 ** (1 / GROWTH))  # works 1, 2 and 4
    half = TrialProgress(worker=0, cost=10, epochs=2)
    assert family.seconds_left({"A1": half}, now=110.0) is None
    family.accuracies |= {"A0": 0.5, "A1": 0.5}
    for epoch, now in ((1, 100.0), (2, 110.0)):
        half.epoch_done(epoch, 0.5)
        family.pace.epoch_done(0, family.work("A1") / 2, now)
    assert family.seconds_left({"A2": TrialProgress(0, 40, 2)}, now=110.0) == pytest.approx(40)


def test_a_network_in_training_keeps_its_best_epoch():
    training = TrialProgress(worker=0, cost=10, epochs=4)
    training.epoch_done(1, 0.5)
    training.epoch_done(2, 0.25)
    assert (training.epoch, training.accuracy, training.left) == (2, 0.5, 2)


def test_the_hypervolume_is_the_area_in_decades_below_the_budget():
    records = [trial(0, 1, 0.5), trial(1, 10, 0.75)]
    assert progress(records, limit=100e6).hypervolume == pytest.approx(2 * 0.5 + 1 * 0.25)
    assert progress(records).hypervolume == pytest.approx(1 * 0.5)  # the costliest so far is the limit
    assert progress().hypervolume == 0.0
    assert math.isfinite(progress(records, limit=1.0).hypervolume)
