"""The guided strategy finds the front of the cost that the search names, and forgets what it only looked at."""

from dataclasses import replace
from statistics import fmean

import pytest

from results.pareto import log_hypervolume
from search.strategies.guided import Guided, GuidedSettings
from tests.contracts.strategy_contract import TASK, ended

TRIALS = 20


def made_up_accuracy(candidate):
    """Wide blocks and large pictures are better here, which cost parameters or FLOPs."""
    return 0.2 + candidate["block4.base_filters"] / 160 + candidate["clip.resolution"] / 200


def front_by(cost, searched_by, seed):
    """The hypervolume by one cost of the front that a search by one cost finds."""
    strategy = Guided(replace(TASK, costs=(searched_by,)), GuidedSettings(candidates=100), seed)
    points = []
    for trial in range(TRIALS):
        candidate = strategy.ask(trial).candidate
        record = ended(trial, candidate, min(0.99, made_up_accuracy(candidate)))
        strategy.tell(record)
        points.append((record.value(cost), record.value("accuracy")))
    return log_hypervolume(points, (60_000 if cost == "parameters" else 3e6, 0.1))


@pytest.mark.parametrize(("cost", "other"), [("parameters", "flops"), ("flops", "parameters")])
def test_a_search_by_a_cost_finds_a_better_front_of_it_than_one_by_another_cost(cost, other):
    seeds = range(3)
    assert fmean(front_by(cost, cost, seed) for seed in seeds) > fmean(front_by(cost, other, seed) for seed in seeds)


def test_it_keeps_no_more_than_what_was_asked():
    strategy = Guided(TASK, GuidedSettings(first=3, candidates=50), 0)
    for trial in range(6):
        candidate = strategy.ask(trial).candidate
        strategy.tell(ended(trial, candidate, made_up_accuracy(candidate) / 2))
    assert set(strategy.looks) == set(range(6))
