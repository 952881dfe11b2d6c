"""Which published networks are points of the paper's space or of its scaled forms, and what stands against the others.

The spaces are scaled to each network's resolution, frame rate and deepest block; the width coefficient is 1.157 per
step upwards, from the published heads (640, 744, 856, 992), and whatever gives the published head downwards.
"""

import re
from dataclasses import replace

import pytest
from hypothesis import given

from movinet.presets import preset
from space.membership import locate
from space.sampling import sample
from space.scaling.coefficients import Coefficients
from space.scaling.compound import scale_space
from tests.support.spaces import MOVINET, MOVING_SHAPES, candidates, rngs

A2 = preset("a2-base")
SCALED = {  # network: phi, and the coefficients that bring the space to its clip, head and deepest block
    "a0-base": (-1, Coefficients(depth=1, width=640 / 480, resolution=224 / 172, frame_rate=1)),
    "a1-base": (-1, Coefficients(depth=1, width=640 / 600, resolution=224 / 172, frame_rate=1)),
    "a2-base": (0, Coefficients()),
    "a3-base": (1, Coefficients(depth=1, width=1.157, resolution=256 / 224, frame_rate=2.5)),
    "a4-base": (1, Coefficients(depth=1.3, width=1.157**2, resolution=290 / 224, frame_rate=5 / 3)),
    "a5-base": (1, Coefficients(depth=1.8, width=1.157**3, resolution=320 / 224, frame_rate=2.5)),
}
MISSING = {  # what each published network has that the scaled space does not offer
    "a0-base": {
        "block2.base_filters": [8],
        "block3.base_filters": [32],
        "block3.expand_filters": [80],
        "block6.base_filters": [104],
        "block6.expand_filters": [280, 344, 384],
    },
    "a1-base": {
        "block2.expand_filters": [40],
        "block3.base_filters": [40],
        "block3.expand_filters": [96, 120],
        "block4.expand_filters": [128, 168, 216],
        "block5.expand_filters": [128, 216],
        "block6.expand_filters": [456],
    },
    "a2-base": {
        "block4.expand_filters": [160],
    },
    "a3-base": {
        "block2.base_filters": [16],
        "block2.expand_filters": [64],
        "block3.base_filters": [48],
        "block3.expand_filters": [144],
        "block4.expand_filters": [152, 192, 240],
        "block5.base_filters": [88],
        "block5.expand_filters": [160, 264],
        "block6.expand_filters": [560, 672],
        "clip.frames": [120],
    },
    "a4-base": {
        "block3.base_filters": [56],
        "block3.expand_filters": [136, 168],
        "block4.expand_filters": [160],
        "clip.frames": [80],
    },
    "a5-base": {
        "block2.expand_filters": [64],
        "block3.base_filters": [64],
        "block3.expand_filters": [192],
        "block4.expand_filters": [376],
        "block5.base_filters": [120],
        "block5.expand_filters": [376],
        "block6.expand_filters": [600],
        "clip.frames": [120],
    },
}


@pytest.mark.parametrize("name", SCALED)
def test_what_a_published_network_has_that_its_space_does_not_offer(name):
    """None is a point: A2 but for one expansion; the others' widths are no multiples of one scaled base width, and the
    clips of A3 to A5 are shorter than 10 seconds."""
    phi, coefficients = SCALED[name]
    location = locate(scale_space(MOVINET, coefficients, phi), preset(name))
    found: dict[str, set[int]] = {}
    for reason in location.reasons:
        key, value = re.sub(r"layer\d+\.|;.*", "", reason).split()
        found.setdefault(key, set()).add(int(value))
    assert {key: sorted(values) for key, values in found.items()} == MISSING[name]
    assert location.candidate is None


def test_a2_but_for_one_layer_is_a_point():
    """160 filters in block 4 are 5/3 of its base width; with 144, ratio 1.5, the network is in the space."""
    assert locate(MOVINET, A2).reasons == ("block4.layer2.expand_filters 160; offered: 144, 192, 240, 288, 336, 384",)
    block = A2.blocks[2]
    layers = (block.layers[0], replace(block.layers[1], expand_filters=144), *block.layers[2:])
    near = replace(A2, blocks=(*A2.blocks[:2], replace(block, layers=layers), *A2.blocks[3:]))
    candidate = locate(MOVINET, near).candidate
    assert candidate is not None
    assert candidate.spec() == near
    assert candidate in MOVINET
    assert candidate["block4.layer2.expand_ratio"] == 1.5
    assert [candidate[f"block{i}.width_multiplier"] for i in range(2, 7)] == [0.75] * 5
    assert candidate["head.width_multiplier"] == 1.25


def test_kernels_depths_and_strides_of_all_published_networks_are_in_the_space():
    deep = scale_space(MOVINET, Coefficients(depth=1.8), 1)
    for i in range(6):
        reasons = locate(deep, preset(f"a{i}-base")).reasons
        assert not [reason for reason in reasons if re.search(r"kernel|layers|stride|squeeze", reason)]
    assert "block6.layers 18; offered: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10" in locate(MOVINET, preset("a5-base")).reasons


def test_a_stream_network_is_another_model():
    reasons = locate(MOVINET, preset("a2-stream")).reasons
    assert "model.causal True; offered: False" in reasons
    assert "model.se_type 2plus3d; offered: 3d" in reasons


@given(candidates)
def test_every_candidate_is_found(candidate):
    location = locate(candidate.space, candidate.spec())
    assert location.reasons == ()
    assert location.candidate is not None
    assert location.candidate.spec() == candidate.spec()


@given(rngs)
def test_a_network_with_other_blocks_is_nowhere(rng):
    spec = sample(MOVING_SHAPES, rng).spec()
    assert locate(MOVINET, spec).reasons == ("3 blocks; offered: 5",)
    wide = replace(spec, blocks=(replace(spec.blocks[0], base_filters=9), *spec.blocks[1:]))
    assert locate(MOVING_SHAPES, wide).reasons == ("block2.base_filters 9; offered: 8",)
