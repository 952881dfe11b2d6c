from collections import Counter
from dataclasses import replace

import pytest

from movinet.ops import operations
from movinet.presets import preset
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec

BASE = MovinetSpec(
    StemSpec(8),
    (BlockSpec(8, (LayerSpec(24, (5, 3, 3)), LayerSpec(24, (1, 5, 5), squeeze_excite=False))),),
    HeadSpec(32, 64),
    ClipSpec(4, 32),
)
STREAM = replace(BASE, causal=True, conv_type="2plus1d", se_type="2plus3d", use_positional_encoding=True)


def ops_of(spec, **clip):
    return {op.name: op for op in operations(spec, **clip)}


def test_operations_come_in_the_order_of_a_forward_pass():
    squeeze = ("se/pool", "se/reduce", "se/expand", "se/gate")
    layer0 = ("expansion", "feature", *squeeze, "projection", "skip/pool", "skip/project", "rezero")
    assert [op.name for op in operations(BASE)] == [
        "stem/stem",
        *(f"block0_layer0/{name}" for name in layer0),
        *(f"block0_layer1/{name}" for name in ("expansion", "feature", "projection", "rezero")),
        *(f"head/{name}" for name in ("project", "pool", "head", "classifier")),
    ]


def test_a_stream_has_the_temporal_convolution_the_frame_pool_and_the_position_besides():
    more = {"feature_temporal", "se/spatial_pool", "se/position"}
    assert ops_of(STREAM).keys() - ops_of(BASE).keys() == {f"block0_layer0/{name}" for name in more}


def test_shapes_follow_strides_rounded_up():
    a0 = ops_of(preset("a0-base"))
    assert a0["stem/stem"].input == (50, 172, 172, 3)
    assert [a0[f"block{b}_layer0/feature"].output[1] for b in range(5)] == [43, 22, 11, 11, 6]
    assert a0["head/project"].output == (50, 6, 6, 480)
    assert a0["head/classifier"].output == (1, 1, 1, 600)


def test_a_clip_may_have_other_frames_and_pixels_than_the_spec_says():
    assert ops_of(BASE, frames=7, size=33)["stem/stem"].output == (7, 17, 17, 8)


@pytest.mark.parametrize("clip", [{"frames": 0}, {"size": 0}, {"num_classes": 0}])
def test_a_clip_without_frames_pixels_or_classes_is_refused(clip):
    [(name, value)] = clip.items()
    with pytest.raises(ValueError, match=f"^{name}={value} is not allowed; allowed: an integer >= 1$"):
        list(operations(BASE, **clip))


def test_a0_stem_multiply_adds():
    assert ops_of(preset("a0-base"))["stem/stem"].flops == 50 * 86 * 86 * 8 * 27 == 79_876_800


def test_multiply_adds_and_parameters_of_each_part():
    ops = ops_of(BASE)
    counts = {name: (op.flops, op.parameters) for name, op in ops.items() if op.parameters}
    assert counts == {  # 4 frames of 32 x 32: 16 x 16 behind the stem, 8 x 8 behind the first layer
        "stem/stem": (4 * 256 * 8 * 27, 8 * 27 + 4 * 8),
        "block0_layer0/expansion": (4 * 256 * 24 * 8, 24 * 8 + 4 * 24),
        "block0_layer0/feature": (4 * 64 * 24 * 45, 24 * 45 + 4 * 24),
        "block0_layer0/se/reduce": (24 * 8, 24 * 8 + 8),
        "block0_layer0/se/expand": (8 * 24, 8 * 24 + 24),
        "block0_layer0/projection": (4 * 64 * 8 * 24, 8 * 24 + 4 * 8),
        "block0_layer0/skip/project": (4 * 64 * 8 * 8, 8 * 8 + 4 * 8),
        "block0_layer0/rezero": (0, 1),
        "block0_layer1/expansion": (4 * 64 * 24 * 8, 24 * 8 + 4 * 24),
        "block0_layer1/feature": (4 * 64 * 24 * 25, 24 * 25 + 4 * 24),
        "block0_layer1/projection": (4 * 64 * 8 * 24, 8 * 24 + 4 * 8),
        "block0_layer1/rezero": (0, 1),
        "head/project": (4 * 64 * 32 * 8, 32 * 8 + 4 * 32),
        "head/head": (64 * 32, 64 * 32 + 64),
        "head/classifier": (600 * 64, 600 * 64 + 600),
    }


def test_a_stem_that_sees_several_frames_mixes_filters_in_both_of_its_2plus1d_halves():
    split = ops_of(replace(BASE, stem=StemSpec(8, (3, 3, 3)), conv_type="2plus1d"))
    assert split["stem/stem"].parameters == 8 * 3 * 9 + 4 * 8
    assert split["stem/stem_temporal"].parameters == 8 * 8 * 3 + 4 * 8


def test_squeeze_excite_pools_by_clip_or_by_frame():
    def pooled(**changes):
        ops = ops_of(replace(BASE, **changes))
        return ops["block0_layer0/se/reduce"].input, ops["block0_layer0/se/reduce"].output[3]

    assert pooled(se_type="3d") == ((1, 1, 1, 24), 8)
    assert pooled(se_type="3d", causal=True) == ((4, 1, 1, 24), 8)
    assert pooled(se_type="2d") == ((4, 1, 1, 24), 8)
    assert pooled(se_type="2plus3d") == ((4, 1, 1, 48), 16)
    assert pooled(se_type="2plus3d", causal=True) == ((4, 1, 1, 48), 16)
    assert not any("/se/" in name for name in ops_of(replace(BASE, se_type="none")))


def test_positions_are_told_to_causal_squeeze_excites_only():
    positions = [name for name in ops_of(STREAM) if name.endswith("position")]
    assert positions == ["block0_layer0/se/position"]
    assert not any("position" in name for name in ops_of(replace(STREAM, causal=False)))


def test_state_of_a_stream_lies_before_the_stride_in_3d_and_behind_it_in_2plus1d():
    def buffers(spec):
        return {op.name: op.buffer_elements for op in operations(spec) if op.buffer_elements}

    after = "block0_layer0/"
    assert buffers(STREAM) == {
        f"{after}feature_temporal": 4 * 8 * 8 * 24,
        f"{after}se/pool": 24 + 1,
        f"{after}se/position": 1,
        "head/pool": 32 + 1,
    }
    assert buffers(replace(STREAM, conv_type="3d"))[f"{after}feature"] == 4 * 16 * 16 * 24
    assert "head/pool" not in buffers(replace(STREAM, average_pooling_type="2d"))
    assert buffers(replace(STREAM, causal=False)) == {}


def test_what_is_alive_while_an_operation_runs():
    ops = ops_of(BASE)
    before, wide, feature, out = 4 * 256 * 8, 4 * 256 * 24, 4 * 64 * 24, 4 * 64 * 8
    alive = {name.partition("/")[2]: op.activation_elements for name, op in ops.items() if "layer0" in name}
    assert alive == {
        "expansion": before + wide,
        "feature": before + wide + feature,  # the layer's input waits for the skip
        "se/pool": before + feature + 24,
        "se/reduce": before + feature + 24 + 8,
        "se/expand": before + feature + 8 + 24,
        "se/gate": before + feature + 24,
        "projection": before + feature + out,
        "skip/pool": before + out + out,
        "skip/project": out + out + out,
        "rezero": out + out,
    }
    last = ops["block0_layer1/rezero"]
    assert last.activation_elements == out + out  # scaled branch and the layer's own input


def test_most_of_a_published_network_is_pointwise():
    for name in ("a0-base", "a5-base", "a2-stream"):
        flops = Counter()
        for op in operations(preset(name)):
            flops[op.kind] += op.flops
        assert 0.72 <= flops["pointwise"] / flops.total() <= 0.92
        assert flops["pool"] == flops["gate"] == flops["residual"] == 0
