"""Every field of a network that takes one of a few values can be searched: no line of space/ names it."""

import random
from copy import deepcopy

import pytest

from movinet.spec import BlockSpec, LayerSpec, MovinetSpec, StemSpec, choices
from space.load import load_space
from space.membership import locate
from space.mutation import mutate
from space.sampling import sample

ONE = {
    "clip": {"frames": 4, "frames_per_second": 5, "resolution": 16},
    "model": {},
    "stem": {"filters": 8},
    "block2": {"base_filters": 8, "layers": [1, 2], "kernel": [1, 3, 3], "expand_ratio": 2, "each_layer": {}},
    "head": {"project_filters": 32},
}
PARTS = {  # kind of part -> where a space file holds it, and where a network
    MovinetSpec: (lambda space: space["model"], lambda spec: spec),
    StemSpec: (lambda space: space["stem"], lambda spec: spec.stem),
    BlockSpec: (lambda space: space["block2"], lambda spec: spec.blocks[0]),
    LayerSpec: (lambda space: space["block2"]["each_layer"], lambda spec: spec.blocks[0].layers[-1]),
}
FIELDS = [(kind, name) for kind in PARTS for name in choices(kind)]


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind.__name__}.{name}" for kind, name in FIELDS])
def test_a_field_with_choices_is_sampled_mutated_and_found_again(kind, name):
    place, part = PARTS[kind]
    document, rng = deepcopy(ONE), random.Random(0)
    silent = load_space({"space": document}).candidate({"block2.layers": 1}).spec()
    assert getattr(part(silent), name) == kind.__dataclass_fields__[name].default
    place(document)[name] = list(choices(kind)[name])
    space = load_space({"space": document})
    candidate, met = sample(space, rng), set()
    for _ in range(100):
        candidate = mutate(candidate, space, rng)
        met.add(getattr(part(candidate.spec()), name))
        assert locate(space, candidate.spec()).candidate == candidate
    assert met == set(choices(kind)[name])
