from dataclasses import astuple, replace
from random import Random

import pytest

from benchmarks.random_networks import check_cost, check_random_cost, failures
from movinet.__main__ import main
from movinet.cost import Cost, frame_cost, network_cost
from movinet.ops import operations
from movinet.presets import PRESETS, preset
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from tests.support.random_specs import random_spec

TINY = MovinetSpec(StemSpec(8), (BlockSpec(8, (LayerSpec(24, (5, 3, 3)),)),), HeadSpec(32, 64), ClipSpec(4, 32))


@pytest.mark.parametrize(
    ("name", "gflops", "digits"),
    [
        ("a0-base", 2.631, 3),
        ("a1-base", 5.866, 3),
        ("a2-base", 11.558, 3),
        ("a3-base", 55.59, 2),
        ("a4-base", 103.3, 1),
        ("a5-base", 276.3, 1),
        ("t0-base", 0.871, 3),
        ("a0-stream", 2.426, 3),
        ("a1-stream", 5.540, 3),
        ("a2-stream", 10.70, 2),
        ("a3-stream", 52.13, 2),
        ("a4-stream", 96.7, 1),
        ("a5-stream", 261.7, 1),
        ("t0-stream", 0.835, 3),
    ],
)
def test_multiply_adds_of_the_published_networks(name, gflops, digits):
    assert round(network_cost(preset(name)).flops / 1e9, digits) == gflops


def test_an_ensemble_costs_what_its_networks_do_one_after_the_other(capsys):
    assert main(["cost", "a4-base", "a5-base", "a6-base"]) == 0
    heading, *rows = (
        [cell.strip() for cell in line.split("  ") if cell] for line in capsys.readouterr().out.splitlines()
    )
    a4, a5, a6 = (dict(zip(heading, row, strict=True)) for row in rows)
    assert a6["clip"] == f"{a4['clip']} + {a5['clip']}" == "80 x 290² + 120 x 320²"
    for column in ("MFLOPs", "parameters"):
        summed = sum(float(network[column].replace(",", "")) for network in (a4, a5))
        assert float(a6[column].replace(",", "")) == pytest.approx(summed, abs=0.11)
    assert a6["parameters"] == "30,186,082"
    assert a6["activations"] == a5["activations"]


@pytest.mark.parametrize(
    ("name", "size", "state_bytes", "stream_buffer_bytes"),
    [
        ("a0-stream", 172, 2_696_832, 2_683_776),
        ("a1-stream", 172, 4_882_340, 4_857_664),
        ("a2-stream", 224, 10_828_460, 10_800_384),
        ("a3-stream", 256, 18_275_788, 18_235_392),
        ("a4-stream", 290, 49_400_700, 49_336_064),
        ("a5-stream", 320, 75_094_044, 74_995_200),
        ("t0-stream", 172, 1_625_148, 1_613_696),
    ],
)
def test_state_of_the_published_streams(name, size, state_bytes, stream_buffer_bytes):
    assert network_cost(preset(name), size=size).buffer_bytes == state_bytes
    convolutions = [op for op in operations(preset(name), size=size) if op.kernel[0] > 1]
    assert sum(op.buffer_elements * 4 for op in convolutions) == stream_buffer_bytes


@pytest.mark.parametrize(
    ("model", "megabytes"), [("a0", 1.12), ("a1", 1.95), ("a2", 3.31), ("a3", 4.33), ("a4", 8.77), ("a5", 10.65)]
)
def test_peak_activations_of_the_published_networks(model, megabytes):
    """The first layer of block 2: its input, its expansion, and the depthwise convolution's output."""
    frame = frame_cost(preset(f"{model}-stream")).activation_bytes
    assert round(frame / 1e6, 2) == megabytes
    clip = preset(f"{model}-base")
    assert network_cost(clip).activation_bytes == clip.clip.frames * frame


def test_only_causal_networks_have_buffers_whatever_the_clip():
    assert network_cost(preset("a0-base")).buffer_bytes == 0
    stream = preset("a0-stream")
    assert network_cost(stream, frames=10).buffer_bytes == frame_cost(stream).buffer_bytes == 2_696_832


def test_a_clip_costs_its_frames_and_one_head():
    stream = preset("a0-stream")
    head = sum(op.flops for op in operations(stream) if op.name in ("head/head", "head/classifier"))
    assert network_cost(stream).flops == 50 * (frame_cost(stream).flops - head) + head


def test_only_causal_networks_cost_by_the_frame():
    with pytest.raises(ValueError, match=r"^MovinetSpec.causal=False is not allowed frame by frame; allowed: True$"):
        frame_cost(preset("a0-base"))


def test_classes_cost_in_the_classifier_only():
    few, many = network_cost(TINY, num_classes=2), network_cost(TINY, num_classes=3)
    assert (many.parameters - few.parameters, many.flops - few.flops) == (65, 64)


def test_a_network_costs_what_its_operations_do():
    rng = Random(7)
    for _ in range(200):
        spec = random_spec(rng)
        ops = list(operations(spec))
        assert network_cost(spec) == Cost(
            flops=sum(op.flops for op in ops),
            parameters=sum(op.parameters for op in ops),
            activation_bytes=4 * max(op.activation_elements for op in ops),
            buffer_bytes=4 * sum(op.buffer_elements for op in ops),
        )


def test_more_of_anything_never_costs_less():
    rng = Random(3)
    for _ in range(100):
        spec = random_spec(rng)
        cost = astuple(network_cost(spec))
        assert all(a <= b for a, b in zip(cost, astuple(network_cost(spec, frames=spec.clip.frames + 1)), strict=True))
        assert all(
            a <= b for a, b in zip(cost, astuple(network_cost(spec, size=spec.clip.resolution + 2)), strict=True)
        )
        wider = replace(spec, head=HeadSpec(spec.head.project_filters + 1, spec.head.head_filters + 1))
        assert all(a <= b for a, b in zip(cost, astuple(network_cost(wider)), strict=True))


@pytest.fixture
def on_tensorflow():
    if pytest.importorskip("keras").backend.backend() != "tensorflow":
        pytest.skip("counts over TensorFlow's graph")


@pytest.mark.parametrize("seed", range(6))
def test_a_candidate_is_built_as_counted(seed, on_tensorflow):
    check_random_cost(seed)


@pytest.mark.parametrize("name", ["a0-base", "a0-stream"])
def test_a0_is_built_as_counted(name, on_tensorflow):
    check_cost(preset(name), 50, 172, 600)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_built_as_counted(name, on_tensorflow):
    check_cost(preset(name), preset(name).clip.frames, preset(name).clip.resolution, 600)


@pytest.mark.slow
def test_forty_candidates_are_built_as_counted(on_tensorflow):
    assert failures(check_random_cost, range(6, 46)) == []
