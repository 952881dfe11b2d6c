import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movinet.cost import network_cost
from movinet.presets import preset
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from space.decision import SpaceError
from space.network import round_filters
from space.sampling import sample
from space.scaling.coefficients import Coefficients, Limits
from space.scaling.compound import scale, scale_space
from space.scaling.members import MEMBERS, family
from tests.support.random_specs import OFF_DEFAULT
from tests.support.spaces import MOVINET, MOVING_SHAPES, candidates

KERNELS = [(1, 3, 3), (1, 5, 5), (3, 3, 3), (5, 3, 3)]
A2 = preset("a2-base")


def flops(spec):
    return network_cost(spec, num_classes=8).flops


def quantities(spec):
    """Everything that scaling moves, by name; what a network does not have counts as zero layers."""
    found = {"stem": spec.stem.filters, "project": spec.head.project_filters}
    found |= {"resolution": spec.clip.resolution, "frames": spec.clip.frames}
    for i, block in enumerate(spec.blocks):
        found |= {f"{i}.depth": len(block.layers), f"{i}.base": block.base_filters}
        found |= {f"{i}.{j}.expand": layer.expand_filters for j, layer in enumerate(block.layers)}
    return found


def assert_nothing_falls(smaller, larger):
    before, after = quantities(smaller), quantities(larger)
    assert before.keys() <= after.keys()
    assert all(before[name] <= after[name] for name in before)
    assert larger.clip.seconds == pytest.approx(smaller.clip.seconds)


@st.composite
def tiny_networks(draw):
    """Widths of 8 nearly everywhere: the networks for which one step of scaling weighs most, 0.1 to 3 MFLOPs."""
    layer = st.builds(LayerSpec, st.sampled_from([8, 16, 24]), st.sampled_from(KERNELS), st.booleans())
    block = st.builds(BlockSpec, st.sampled_from([8, 16]), st.lists(layer, min_size=1, max_size=2).map(tuple))
    return MovinetSpec(
        StemSpec(8),
        tuple(draw(st.lists(block, min_size=3, max_size=3))),
        HeadSpec(draw(st.sampled_from([32, 64])), 128),
        ClipSpec(8, draw(st.sampled_from([24, 32])), 4),
    )


growth = st.floats(1.02, 1.3)
coefficients = st.one_of(st.just(Coefficients()), st.builds(Coefficients, growth, growth, growth, growth))


def assert_is_family(members, base, limits=None):
    assert tuple(members) == MEMBERS
    for i, member in enumerate(members.values()):
        assert flops(member) == pytest.approx(flops(base) * 2.0 ** (i - 2), rel=0.10)
    for smaller, larger in itertools.pairwise(members.values()):
        assert_nothing_falls(smaller, larger)
        assert flops(smaller) < flops(larger)
    if limits:
        assert max(member.clip.resolution for member in members.values()) <= limits.resolution
        assert max(member.clip.frames_per_second for member in members.values()) <= limits.frames_per_second


@settings(max_examples=60)
@given(tiny_networks(), coefficients, st.sampled_from([None, Limits(32, 4), Limits(48, 12)]))
def test_a_tiny_network_has_a_family(spec, by, limits):
    members = family(spec, by, num_classes=8, limits=limits)
    assert members["A2"] == spec
    assert_is_family(members, spec, limits)


@settings(max_examples=40)
@given(candidates, coefficients)
def test_every_candidate_has_a_family(candidate, by):
    assert_is_family(family(candidate.spec(), by, num_classes=8), candidate.spec())


@given(candidates, coefficients, st.floats(-3, 3), st.floats(0.01, 2))
def test_nothing_falls_while_phi_grows(candidate, by, phi, more):
    smaller, larger = scale(candidate.spec(), by, phi), scale(candidate.spec(), by, phi + more)
    assert_nothing_falls(smaller, larger)
    assert flops(smaller) <= flops(larger)


@given(candidates, coefficients)
def test_phi_0_changes_nothing(candidate, by):
    assert scale(candidate.spec(), by, 0) == candidate.spec()


@pytest.mark.parametrize("phi", [-2, -1, -0.3, 0.5, 1, 2, 3])
def test_widths_are_the_nearest_multiples_of_8(phi):
    by = Coefficients(depth=1, width=1.157, resolution=1, frame_rate=1)
    scaled = scale(A2, by, phi)
    before, after = quantities(A2), quantities(scaled)
    widths = [name for name in before if name.endswith(("stem", "project", "base", "expand"))]
    assert {name: after[name] for name in widths} == {n: round_filters(before[n] * 1.157**phi) for n in widths}


def test_the_published_head_widths_follow_one_coefficient():
    """Upwards from A2, conv7 is 640 x 1.157^phi: 744, 856 and 992 in A3, A4 and A5."""
    heads = [scale(A2, Coefficients(width=1.157), phi).head.project_filters for phi in (1, 2, 3)]
    assert heads == [preset(f"a{i}-base").head.project_filters for i in (3, 4, 5)]


@pytest.mark.parametrize("phi", [-2, 0.5, 3])
def test_every_field_that_scaling_does_not_move_stays(phi):
    base, scaled = OFF_DEFAULT, scale(OFF_DEFAULT, Coefficients(), phi)
    assert scaled != base
    assert replace(scaled.stem, filters=base.stem.filters) == base.stem
    assert replace(scaled.head, project_filters=base.head.project_filters) == base.head
    assert replace(scaled, stem=base.stem, blocks=base.blocks, head=base.head, clip=base.clip) == base
    for block, old in zip(scaled.blocks, base.blocks, strict=True):
        assert replace(block, base_filters=old.base_filters, layers=old.layers) == old
        assert {replace(layer, expand_filters=old.layers[0].expand_filters) for layer in block.layers} == {*old.layers}


def test_blocks_grow_by_repeating_the_layers_after_the_first():
    layers = tuple(LayerSpec(8, kernel) for kernel in ((5, 3, 3), (1, 3, 3), (3, 3, 3)))
    spec = MovinetSpec(
        StemSpec(8), (BlockSpec(8, layers), BlockSpec(16, layers[:1])), HeadSpec(32, 64), ClipSpec(8, 24, 4)
    )
    deeper = scale(spec, Coefficients(depth=2, width=1, resolution=1, frame_rate=1), 1)
    assert [layer.kernel for layer in deeper.blocks[0].layers] == [(5, 3, 3)] + [(1, 3, 3), (3, 3, 3)] * 2 + [(1, 3, 3)]
    assert deeper.blocks[1].layers == layers[:1] * 2
    assert scale(spec, Coefficients(depth=2, width=1, resolution=1, frame_rate=1), -0.8).blocks[0].layers == layers[:2]


def test_a_block_keeps_a_kernel_over_time_however_far_it_shrinks():
    flat, seeing = LayerSpec(8, (1, 3, 3)), LayerSpec(8, (3, 3, 3))
    blocks = tuple(BlockSpec(8, layers) for layers in ((flat, seeing, seeing), (seeing, flat), (flat, flat)))
    spec = MovinetSpec(StemSpec(8), blocks, HeadSpec(32, 64), ClipSpec(8, 24, 4))
    least = scale(spec, Coefficients(depth=2, width=1, resolution=1, frame_rate=1), -9)
    assert [block.layers for block in least.blocks] == [(flat, seeing), (seeing,), (flat,)]


@settings(max_examples=60)
@given(tiny_networks())
def test_no_member_of_a_family_loses_all_kernels_over_time(spec):
    members = [spec, *family(spec, Coefficients(), num_classes=8).values()]
    seeing = [[any(layer.kernel[0] > 1 for layer in block.layers) for block in member.blocks] for member in members]
    assert all(each == seeing[0] for each in seeing)


def test_frames_and_rate_grow_together():
    clip = scale(A2, Coefficients(depth=1, width=1, resolution=1, frame_rate=1.2), 1).clip
    assert clip == ClipSpec(60, 224, 6.0)


def test_the_base_may_be_any_member():
    spec = sample(MOVING_SHAPES, random.Random(4)).spec()
    for base in MEMBERS:
        members = family(spec, Coefficients(), base_member=base, num_classes=8)
        assert members[base] == spec
        for smaller, larger in itertools.pairwise(members.values()):
            assert_nothing_falls(smaller, larger)
            assert flops(larger) / flops(smaller) == pytest.approx(2, rel=0.23)


def test_a_family_that_cannot_be_is_refused_with_target_and_nearest():
    only_resolution = Coefficients(depth=1, width=1, resolution=1.1, frame_rate=1)
    with pytest.raises(SpaceError) as error:
        family(A2, only_resolution, limits=Limits(resolution=256))
    base = network_cost(A2).flops
    nearest = network_cost(scale(A2, only_resolution, 9, Limits(256))).flops
    assert str(error.value) == (
        f"A5: no scaled network is within 10% of its target of {8 * base:,} FLOPs; nearest: {nearest:,}; "
        "change the coefficients, the limits or the divisor"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Coefficients(width=0.9), "Coefficients.width=0.9 is not allowed; allowed: a number, 1 to 4"),
        (lambda: Coefficients(depth="1.2"), "Coefficients.depth='1.2' is not allowed"),
        (lambda: Coefficients(1, 1, 1, 1), "Coefficients: all four are 1; allowed: one above 1 or more"),
        (lambda: family(A2, Coefficients(), base_member="A6"), "base_member='A6' is not allowed; allowed: A0, A1, A2"),
        (lambda: family(A2, Coefficients(), ratio=1.2), "ratio=1.2, tolerance=0.1 let members overlap"),
    ],
)
def test_wrong_settings_say_what_is_allowed(make, message):
    with pytest.raises(SpaceError) as error:
        make()
    assert message in str(error.value)


def test_a_scaled_space_has_wider_deeper_and_larger_networks():
    larger = scale_space(MOVINET, Coefficients(depth=1.3, width=1.157, resolution=8 / 7, frame_rate=1.2), 1)
    assert larger.fixed["clip.resolution"] == 256
    assert (larger.fixed["clip.frames"], larger.fixed["clip.frames_per_second"]) == (60, 6.0)
    assert larger.by_name["block4.layers"].values == tuple(range(1, 14))
    assert larger.size == 3**7 * sum(84**depth for depth in range(1, 14)) ** 5
    values = sample(larger, random.Random(0)).values | {"head.width_multiplier": 1.25, "stem.width_multiplier": 1.0}
    spec = larger.candidate(values).spec()
    assert (spec.head.project_filters, spec.stem.filters) == (round_filters(640 * 1.157), round_filters(16 * 1.157))


def test_a_space_scaled_by_0_is_the_same():
    for space in (MOVINET, MOVING_SHAPES):
        again = scale_space(space, Coefficients(), 0)
        assert set(again.by_name) == set(space.by_name)
        assert again.size == space.size
        candidate = sample(space, random.Random(1))
        assert again.candidate(candidate.values).spec() == candidate.spec()


def test_a_smaller_space_has_shallower_blocks_and_distinct_choices():
    smaller = scale_space(MOVING_SHAPES, Coefficients(depth=1.5, resolution=1.3), -2)
    assert smaller.by_name["block3.layers"].values == (1,)
    assert "block3.layer2.kernel" not in smaller.by_name
    assert smaller.by_name["clip.resolution"].values == (9, 14, 19, 24)
    assert sample(smaller, random.Random(0)) in smaller
