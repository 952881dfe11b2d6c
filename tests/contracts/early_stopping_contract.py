"""What every early stopping promises, as tests that any class can be put through, the house's and yours:

class TestMine(EarlyStoppingContract):
    @pytest.fixture
    def make(self):
        return lambda epochs: Mine(Mine.Settings(), epochs)
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from search.early_stopping.stopping import Curve, EarlyStopping

Make = Callable[[int], EarlyStopping]


def made_up_curves(seed: int, trials: int = 40, epochs: int = 6) -> list[Curve]:
    """Whole trials of 0.4 to 4 MFLOPs that learn: the costlier the better, with noise; accuracies are of 30 clips."""
    rng = random.Random(seed)
    curves = []
    for trial in range(trials):
        flops = int(400_000 * 10 ** rng.random())
        last = 0.2 * flops / 1e6 + rng.uniform(0, 0.2)
        accuracies = tuple(
            round(30 * last * (epoch + rng.random()) / (epochs + 1)) / 30 for epoch in range(1, epochs + 1)
        )
        curves.append(Curve(trial, {"flops": flops, "parameters": flops // 10}, accuracies))
    return curves


def replayed(stopping: EarlyStopping, whole: list[Curve], workers: int, seed: int = 0) -> dict[int, Curve]:
    """How far each trial came, by its number, when so many workers train; which ends its epoch next is drawn."""
    rng, waiting, running, seen = random.Random(seed), list(whole), [], {}
    while waiting or running:
        while waiting and len(running) < workers:
            running.append(waiting.pop(0))
        one = rng.choice(running)
        done = len(seen[one.trial].accuracies) + 1 if one.trial in seen else 1
        curve = Curve(one.trial, one.costs, one.accuracies[:done])
        others = [other for trial, other in seen.items() if trial != one.trial]
        seen[one.trial] = curve
        if done == len(one.accuracies) or not stopping.goes_on(curve, others):
            running.remove(one)
    return seen


class EarlyStoppingContract:
    """A subclass has a fixture `make`: a function from the epochs of a whole trial to the early stopping."""

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError

    def test_a_trial_is_not_compared_with_nobody(self, make: Make):
        assert all(make(6).goes_on(Curve(0, {"flops": 1e6}, (0.0,) * epoch), []) for epoch in range(1, 6))

    @pytest.mark.parametrize("seed", range(5))
    def test_what_nothing_equals_goes_on(self, make: Make, seed: int):
        best = Curve(99, {"flops": 300_000}, (0.9, 0.92, 0.94, 0.96, 0.98))
        for epoch in range(1, 6):
            curve = Curve(99, best.costs, best.accuracies[:epoch])
            assert make(6).goes_on(curve, made_up_curves(seed))

    @pytest.mark.parametrize("workers", [1, 2, 8])
    def test_it_remembers_nothing_and_heeds_no_order(self, make: Make, workers: int):
        whole, stopping = made_up_curves(workers), make(6)
        seen = replayed(stopping, whole, workers)
        for trial, curve in seen.items():
            others = [other for other in seen.values() if other.trial != trial]
            answer = make(6).goes_on(curve, others)
            assert stopping.goes_on(curve, others) is stopping.goes_on(curve, others[::-1]) is answer

    @pytest.mark.parametrize("workers", [1, 2, 8])
    def test_some_trials_are_whole(self, make: Make, workers: int):
        seen = replayed(make(6), made_up_curves(7), workers)
        assert sum(len(curve.accuracies) == 6 for curve in seen.values()) >= 4

    def test_it_is_made_for_trials_of_one_epoch(self, make: Make):
        replayed(make(1), [Curve(each.trial, each.costs, each.accuracies[:1]) for each in made_up_curves(3)], workers=2)
