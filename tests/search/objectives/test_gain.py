"""The expected gain against draws, and against the hypervolume that it is the growth of."""

import numpy as np
import pytest

from results.pareto import log_hypervolume
from search.objectives.gain import expected_gain, expected_improvement
from search.predictors.evidence import to_accuracy, to_z

FRONT = [(1e6, 0.5), (2e6, 0.7), (3e6, 0.75)]
LOW, LIMIT, FLOOR = 0.8e6, 4e6, 0.1


@pytest.mark.parametrize(("mean", "deviation", "best"), [(1.0, 0.5, 0.6), (0.5, 0.4, 0.6), (3.0, 1.0, 0.2)])
def test_the_expected_improvement_is_the_mean_of_draws(mean, deviation, best):
    draws = to_accuracy(np.random.default_rng(0).normal(mean, deviation, 400_000))
    drawn = np.maximum(draws - best, 0).mean()
    assert expected_improvement(best, np.array([mean]), np.array([deviation]))[0] == pytest.approx(drawn, rel=0.02)


@pytest.mark.parametrize("cost", [0.5e6, 1e6, 1.5e6, 2.5e6, 3.9e6])
@pytest.mark.parametrize("accuracy", [0.05, 0.45, 0.6, 0.72, 0.9])
def test_the_gain_of_a_sure_candidate_is_what_the_hypervolume_grows_by(cost, accuracy):
    added = (max(cost, LOW), accuracy)
    grown = log_hypervolume([*FRONT, added], (LIMIT, FLOOR)) - log_hypervolume(FRONT, (LIMIT, FLOOR))
    gain = expected_gain(FRONT, LOW, LIMIT, FLOOR, [cost], to_z([accuracy]), np.array([1e-6]))
    assert gain[0] == pytest.approx(grown, abs=1e-6)


def test_a_candidate_over_the_limit_gains_nothing_and_uncertainty_is_worth_something():
    costs, means = [5e6, 1.5e6, 1.5e6], to_z([0.99, 0.4, 0.4])
    gain = expected_gain(FRONT, LOW, LIMIT, FLOOR, costs, means, np.array([0.1, 0.01, 0.5]))
    assert gain[0] == 0
    assert gain[1] < gain[2]


def test_an_empty_front_is_improved_by_anything_better_than_chance():
    assert expected_gain([], LOW, LIMIT, FLOOR, [2e6], to_z([0.5]), np.array([1e-6]))[0] == pytest.approx(
        log_hypervolume([(2e6, 0.5)], (LIMIT, FLOOR)), abs=1e-6
    )
