import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings

from movinet.cost import network_cost
from space.budget import Budget
from space.decision import SpaceError
from space.load import load_space
from space.sampling import sample, sample_within
from tests.support.spaces import MOVINET, MOVING_SHAPES, SMALL, SPACES, rngs


def test_every_value_of_a_decision_is_drawn_about_as_often():
    rng, space = random.Random(0), load_space(SMALL)
    drawn = [sample(space, rng) for _ in range(3000)]
    depths = Counter(candidate["block2.layers"] for candidate in drawn)
    assert all(900 < depths[depth] < 1100 for depth in (1, 2, 3))
    ratios = Counter(c["block2.layer3.expand_ratio"] for c in drawn if c["block2.layers"] == 3)
    assert all(250 < ratios[ratio] < 420 for ratio in (1.5, 2.0, 3.0))


def test_the_same_seed_gives_the_same_candidates_in_another_process():
    code = (
        "import random; from space.sampling import sample; from space.load import load_space\n"
        "space, rng = load_space('configs/spaces/movinet.yaml'), random.Random(5)\n"
        "print(' '.join(sample(space, rng).id for _ in range(3)))"
    )
    rng = random.Random(5)
    here = " ".join(sample(MOVINET, rng).id for _ in range(3))
    environment = {"PYTHONHASHSEED": "77", "PATH": ""}
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SPACES.parents[1], env=environment
    )
    assert there.stdout.strip() == here


@settings(max_examples=30)
@given(rngs)
def test_a_sample_within_the_budget_keeps_every_limit(rng):
    budget = Budget(flops=3_000_000, parameters=30_000, activation_bytes=3_000_000)
    candidate, rejected = sample_within(MOVING_SHAPES, budget, rng, num_classes=8)
    cost = network_cost(candidate.spec(), num_classes=8)
    assert cost.flops <= 3_000_000
    assert cost.parameters <= 30_000
    assert cost.activation_bytes <= 3_000_000
    assert budget.violation(cost) is None
    assert rejected >= 0


def test_rejections_are_counted():
    rng, again = random.Random(3), random.Random(3)
    budget = Budget(flops=1_500_000)
    candidate, rejected = sample_within(MOVING_SHAPES, budget, rng, num_classes=8)
    drawn = [sample(MOVING_SHAPES, again) for _ in range(rejected + 1)]
    over = [network_cost(c.spec(), num_classes=8).flops > 1_500_000 for c in drawn]
    assert drawn[-1] == candidate
    assert over == [True] * rejected + [False]


def test_an_impossible_budget_names_the_limit_and_the_smallest_cost():
    budget = Budget(flops=1000, parameters=10_000_000)
    with pytest.raises(SpaceError) as error:
        sample_within(MOVING_SHAPES, budget, random.Random(0), tries=200, num_classes=8)
    rng = random.Random(0)
    costs = [network_cost(sample(MOVING_SHAPES, rng).spec(), num_classes=8) for _ in range(200)]
    flops, parameters = min(cost.flops for cost in costs), min(cost.parameters for cost in costs)
    assert str(error.value) == (
        f"no candidate of 200 keeps the budget (flops <= 1,000: kept by 0, smallest seen {flops:,}; parameters <= "
        f"10,000,000: kept by 200, smallest seen {parameters:,}); raise it, or make the space smaller"
    )


@pytest.mark.parametrize("limit", [0, -5, 2.5, True])
def test_a_limit_is_a_positive_integer(limit):
    with pytest.raises(SpaceError, match=r"Budget.parameters=.* is not allowed; allowed: an integer >= 1"):
        Budget(parameters=limit)


def test_a_violation_names_limit_and_cost():
    cost = network_cost(sample(MOVING_SHAPES, random.Random(0)).spec(), num_classes=8)
    assert Budget().violation(cost) is None
    assert Budget(flops=cost.flops).violation(cost) is None
    message = Budget(flops=cost.flops - 1).violation(cost)
    assert message == f"flops {cost.flops:,} over the budget of {cost.flops - 1:,}"
