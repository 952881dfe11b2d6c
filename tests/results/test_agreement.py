"""Kendall's tau within octaves: of pairs of like cost only."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.agreement import agreement


def test_pairs_of_different_cost_do_not_count():
    costs = [1.0, 1.2, 4.0, 4.4]
    assert agreement(costs, [1, 2, 3, 4], [1, 2, 0, 0.5]).tau == 1.0
    assert agreement(costs, [1, 2, 3, 4], [1, 2, 0.5, 0]).tau == 0.0
    assert agreement(costs, [1, 2, 3, 4], [1, 2, 0.5, 0]).pairs == 2
    assert math.isnan(agreement([1.0, 2.0], [1, 2], [1, 2]).tau)


def test_without_costs_it_is_scipys_tau():
    from scipy.stats import kendalltau

    rng = random.Random(0)
    truths = [rng.random() for _ in range(40)]
    scores = [truth + rng.gauss(0, 0.3) for truth in truths]
    assert agreement([1.0] * 40, scores, truths).tau == pytest.approx(kendalltau(scores, truths).statistic)


def test_the_standard_error_is_the_spread_between_samples():
    def sample(seed):
        rng = random.Random(seed)
        truths = [rng.random() for _ in range(30)]
        return agreement([1.0] * 30, [truth + rng.gauss(0, 0.3) for truth in truths], truths)

    found = [sample(seed) for seed in range(60)]
    mean = sum(each.tau for each in found) / 60
    spread = math.sqrt(sum((each.tau - mean) ** 2 for each in found) / 59)
    assert sum(each.error for each in found) / 60 == pytest.approx(spread, rel=0.35)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_an_order_agrees_with_itself_and_against_its_reverse(truths):
    costs = [1.0] * len(truths)
    same, reverse = agreement(costs, truths, truths), agreement(costs, [-truth for truth in truths], truths)
    assert same.tau == -reverse.tau >= 0
