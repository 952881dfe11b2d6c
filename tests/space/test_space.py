import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movinet.spec import ClipSpec, LayerSpec, spec_from_dict
from space.decision import Condition, Decision, SpaceError
from space.load import load_space
from space.space import Space
from tests.support.spaces import MOVINET, MOVING_SHAPES, SMALL, candidates


def every_point(space):
    """All candidates of a small space, by brute force over the decisions of every possible layer."""
    names = [decision.name for decision in space.decisions]
    for values in itertools.product(*(decision.values for decision in space.decisions)):
        chosen = dict(zip(names, values, strict=True))
        active = {d.name: chosen[d.name] for d in space.decisions if d.is_active(chosen)}
        yield tuple(sorted((name, str(value)) for name, value in active.items()))


def test_size_is_the_number_of_different_candidates():
    space = load_space(SMALL)
    assert space.size == len(set(every_point(space))) == 2 * 2 * 2 * 2 * (6 + 6**2 + 6**3) * 2


def test_size_of_the_paper_space():
    """Seven widths of three, and five blocks of one to ten layers with 7 kernels x 6 ratios x SE on or off."""
    assert MOVINET.size == 3**7 * sum(84**depth for depth in range(1, 11)) ** 5
    assert 3.8e99 < MOVINET.size < 3.81e99


def test_a_candidate_describes_its_network():
    values = {
        "clip.frames_per_second": 2.5,
        "clip.resolution": 24,
        "stem.filters": 8,
        "block2.base_filters": 16,
        "block2.layers": 2,
        "block2.kernel": [3, 3, 3],
        "block2.layer1.expand_ratio": 1.5,
        "block2.layer1.squeeze_excite": True,
        "block2.layer2.expand_ratio": 3.0,
        "block2.layer2.squeeze_excite": False,
        "block3.expand_filters": 48,
    }
    spec = load_space(SMALL).candidate(values).spec()
    assert spec.clip == ClipSpec(frames=4, resolution=24, frames_per_second=2.5)  # 1.6 seconds
    assert spec.blocks[0].layers == (LayerSpec(24, (3, 3, 3)), LayerSpec(48, (3, 3, 3), squeeze_excite=False))
    assert spec.blocks[1].layers == (LayerSpec(48, (3, 3, 3)),) * 2
    assert [block.stride for block in spec.blocks] == [2, 1]


def test_expansion_is_relative_to_the_width_before_its_multiplier():
    """A2's block 6: 144 filters are 0.75 x 192, and its layers' 480 are 2.5 x 192."""
    choice = {"base_filters": 192, "width_multiplier": [0.75], "layers": 1, "kernel": [5, 3, 3], "expand_ratio": [2.5]}
    space = load_space({"space": {**SMALL["space"], "block3": choice}})
    values = {d.name: d.values[0] for d in space.decisions if d.is_active({"block2.layers": 1})}
    block = space.candidate(values).spec().blocks[1]
    assert (block.base_filters, block.layers[0].expand_filters) == (144, 480)


@given(candidates)
def test_every_sample_is_a_member_and_plain(candidate):
    assert candidate in candidate.space
    assert candidate.space.candidate(candidate.values) == candidate
    assert spec_from_dict(candidate.spec().to_dict()) == candidate.spec()


@given(candidates, st.data())
def test_a_candidate_without_a_decision_or_with_one_too_many_is_no_member(candidate, data):
    name = data.draw(st.sampled_from(sorted(candidate.values)))
    less = {key: value for key, value in candidate.values.items() if key != name}
    assert less not in candidate.space
    assert {**candidate.values, "block9.layers": 1} not in candidate.space


def test_wrong_candidates_say_what_is_allowed():
    space = load_space(SMALL)
    values = {d.name: d.values[0] for d in space.decisions if d.is_active({"block2.layers": 1})}
    for change, message in {
        ("block2.layers", 4): "block2.layers=4 is not allowed; allowed: 1, 2, 3",
        ("block2.layer1.squeeze_excite", 1): "block2.layer1.squeeze_excite=1 is not allowed; allowed: True, False",
        ("block2.layer3.squeeze_excite", True): "block2.layer3.squeeze_excite=True needs block2.layers >= 3",
        ("block2.depth", 3): "block2.depth=3 is not a decision of this space",
    }.items():
        with pytest.raises(SpaceError, match=message.replace(".", r"\.")):
            space.candidate({**values, change[0]: change[1]})
    values.pop("block2.kernel")
    with pytest.raises(SpaceError, match=r"block2.kernel is missing; allowed: \[1, 5, 5\], \[3, 3, 3\]"):
        space.candidate(values)


def test_equal_numbers_and_tuples_become_the_decision_s_own_values():
    space = load_space(SMALL)
    values = {d.name: d.values[0] for d in space.decisions if d.is_active({"block2.layers": 1})}
    again = space.candidate({**values, "clip.resolution": 16.0, "block2.kernel": (1, 5, 5)})
    assert again.values == values
    assert isinstance(again["clip.resolution"], int)
    assert isinstance(again["block2.kernel"], list)


@given(candidates, candidates)
def test_distance_is_a_metric(first, second):
    assert first.distance(first) == 0
    assert first.distance(second) == second.distance(first)
    assert (first.distance(second) == 0) == (first.values == second.values)


def test_two_ways_to_one_network_have_one_id():
    """0.75 x 8 and 1 x 8 both round to 8 filters."""
    space = load_space({"space": {**SMALL["space"], "stem": {"filters": 8, "width_multiplier": [0.75, 1]}}})
    values = {d.name: d.values[0] for d in space.decisions if d.is_active({"block2.layers": 1})}
    first, second = (space.candidate({**values, "stem.width_multiplier": m}) for m in (0.75, 1))
    assert first.distance(second) == 1
    assert first.id == second.id


def test_a_decision_depends_on_an_earlier_one_only():
    kernel = Decision("block2.layer2.kernel", ([1, 3, 3],), Condition("block2.layers", 2))
    with pytest.raises(SpaceError, match=r"depends on block2\.layers, which is no earlier"):
        Space((kernel, Decision("block2.layers", (1, 2))), {}, ("block2",))


def test_the_default_space_has_layers_only_where_the_block_is_deep_enough():
    names = [d.name for d in MOVING_SHAPES.active({f"block{i}.layers": 1 for i in (2, 3, 4)})]
    assert "block3.layer1.kernel" in names
    assert not any(".layer2." in name for name in names)
