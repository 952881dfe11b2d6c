"""Replayed trainings: the table's own where it has the network, else one that the forest finds likely."""

import random
from dataclasses import asdict

import pytest

from movinet.cost import network_cost
from results.table import RecordedTraining
from search.evaluators.recorded import Recorded
from space.load import load_space
from space.sampling import sample

SPACE = load_space("configs/spaces/moving_shapes.yaml")


def cost_of(candidate):
    return network_cost(candidate.spec(), num_classes=12)


def training(candidate, seed=0):
    cost = cost_of(candidate)
    best = min(0.95, 0.2 + cost.flops / 8e6)
    curve = tuple(best * part for part in (0.5, 0.75, 1.0))
    return RecordedTraining(candidate.values, candidate.id, asdict(cost), seed, curve, cost.flops / 1e5)


CANDIDATES = [sample(SPACE, random.Random(seed)) for seed in range(60)]
TABLE = [training(candidate) for candidate in CANDIDATES]


@pytest.fixture(scope="module")
def recorded():
    return Recorded(TABLE, SPACE)


def test_a_network_of_the_table_answers_with_its_own_curve(recorded):
    for candidate, trained in zip(CANDIDATES[:5], TABLE, strict=False):
        curve = recorded.curve(candidate.spec(), cost_of(candidate))
        assert curve.accuracies == trained.accuracies
        assert 3 * curve.epoch_seconds == pytest.approx(trained.seconds)


def test_any_other_network_answers_near_to_what_its_cost_tells_and_always_the_same(recorded):
    fresh = [sample(SPACE, random.Random(f"fresh {seed}")) for seed in range(40)]
    curves = [recorded.curve(candidate.spec(), cost_of(candidate)) for candidate in fresh]
    wrong = [abs(max(c.accuracies) - training(f).best) for c, f in zip(curves, fresh, strict=True)]
    assert sum(wrong) / len(wrong) < 3 * recorded.error < 0.1
    again = Recorded(TABLE, SPACE)
    assert [again.curve(candidate.spec(), cost_of(candidate)) for candidate in fresh] == curves
    seconds = [c.epoch_seconds * 3 / (cost_of(f).flops / 1e5) for c, f in zip(curves, fresh, strict=True)]
    assert seconds == pytest.approx([1.0] * 40, rel=0.01)


def test_another_replay_gives_other_networks_other_luck(recorded):
    fresh = sample(SPACE, random.Random("fresh"))
    assert Recorded(TABLE, SPACE, seed=1).curve(fresh.spec(), cost_of(fresh)) != recorded.curve(
        fresh.spec(), cost_of(fresh)
    )
