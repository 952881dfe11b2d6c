import random

import pytest
from hypothesis import given

from space.decision import SpaceError
from space.load import load_space
from space.mutation import crossover, mutate
from space.sampling import sample
from tests.support.spaces import MOVING_SHAPES, SMALL, candidates, rngs


@given(candidates, rngs)
def test_a_mutant_is_a_member_that_differs_in_one_decision(candidate, rng):
    mutant = mutate(candidate, candidate.space, rng)
    assert mutant in candidate.space
    shared = candidate.values.keys() & mutant.values.keys()
    changed = [name for name in shared if candidate[name] != mutant[name]]
    assert len(changed) == 1
    if candidate.values.keys() != mutant.values.keys():
        assert changed[0].endswith(".layers")
        block = changed[0].removesuffix(".layers")
        alone = candidate.values.keys() ^ mutant.values.keys()
        assert all(name.startswith(f"{block}.layer") for name in alone)


def test_mutation_reaches_every_active_decision():
    rng = random.Random(0)
    candidate = sample(MOVING_SHAPES, rng)
    changed = set()
    for _ in range(2000):
        mutant = mutate(candidate, MOVING_SHAPES, rng)
        changed |= {n for n in candidate.values.keys() & mutant.values.keys() if candidate[n] != mutant[n]}
    assert changed == {d.name for d in MOVING_SHAPES.active(candidate.values) if len(d.values) > 1}


def test_a_space_of_one_point_cannot_be_mutated():
    block = {"base_filters": 8, "layers": [2], "kernel": [3, 3, 3], "each_layer": {"expand_ratio": [2]}}
    clip = {"frames": 4, "frames_per_second": 4, "resolution": 16}
    document = {"clip": clip, "stem": {"filters": 8}, "block2": block, "head": {"project_filters": 32}}
    space = load_space({"space": document})
    candidate = sample(space, random.Random(0))
    assert space.size == 1
    with pytest.raises(SpaceError, match="one candidate only"):
        mutate(candidate, space, random.Random(0))


@given(rngs)
def test_a_child_takes_each_decision_from_a_parent(rng):
    for space in (MOVING_SHAPES, load_space(SMALL)):
        first, second = sample(space, rng), sample(space, rng)
        child = crossover(first, second, space, rng)
        assert child in space
        assert all(value in (first.values.get(n), second.values.get(n)) for n, value in child.values.items())


@given(candidates, rngs)
def test_parents_that_are_equal_have_their_own_child(candidate, rng):
    assert crossover(candidate, candidate, candidate.space, rng) == candidate


@given(rngs)
def test_the_same_seed_gives_the_same_offspring(rng):
    state = rng.getstate()
    first = mutate(sample(MOVING_SHAPES, rng), MOVING_SHAPES, rng)
    rng.setstate(state)
    assert mutate(sample(MOVING_SHAPES, rng), MOVING_SHAPES, rng) == first
