"""A stream frame by frame gives what the whole clip gives, whatever the cut."""

import dataclasses
import gc
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from benchmarks.random_networks import check_random_stream, failures, streamed, with_other_weights
from movinet.config.errors import InputError
from movinet.deploy.graph import FrameGraph
from movinet.layers.pool import Cumulative, Exponential, Pool, Window
from movinet.model import build_backbone, build_movinet
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.streaming import Stream, initial_states, stream_model
from tests.support.paths import ROOT

STREAM = MovinetSpec(
    StemSpec(8, (3, 3, 3)),
    (
        BlockSpec(8, (LayerSpec(16, (1, 5, 5)), LayerSpec(24, (3, 3, 3), squeeze_excite=False))),
        BlockSpec(16, (LayerSpec(24, (5, 3, 3)), LayerSpec(24, (7, 1, 1)))),
    ),
    HeadSpec(24, 32),
    causal=True,
    conv_type="2plus1d",
    se_type="2plus3d",
    use_positional_encoding=True,
)
SPECS = {
    "published": STREAM,
    "3d": dataclasses.replace(STREAM, conv_type="3d", se_type="3d"),
    "per frame": dataclasses.replace(STREAM, conv_type="3d_2plus1d", se_type="2d", average_pooling_type="2d"),
    "plain": dataclasses.replace(STREAM, se_type="none", use_positional_encoding=False),
}
POOLS = [Cumulative(), Window(3), Exponential(2.0)]


def built(spec: MovinetSpec, classes: int = 5) -> keras.Model:
    return with_other_weights(spec, classes)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Of STREAM; nobody changes its weights."""
    return built(STREAM)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_frame_by_frame_is_the_clip_so_far(spec):
    model, clip = built(spec), np.random.default_rng(0).random((2, 7, 19, 22, 3), dtype=np.float32)
    rows = streamed(model, clip, list(range(1, 7)))
    for frames in (1, 2, 4, 7):
        np.testing.assert_allclose(rows[frames - 1], model(clip[:, :frames]), rtol=1e-4, atol=1e-5)


def test_random_networks_frame_by_frame():
    assert failures(check_random_stream, range(5)) == []


@pytest.mark.slow
def test_forty_random_networks_frame_by_frame():
    assert failures(check_random_stream, range(5, 45)) == []


def test_pieces_of_any_length_end_alike(model):
    clip = np.random.default_rng(0).random((1, 9, 16, 16, 3), dtype=np.float32)
    whole = np.asarray(model(clip))
    for cuts in ([1], [4, 5], [2, 8]):
        np.testing.assert_allclose(streamed(model, clip, cuts)[-1], whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_twin_shares_the_weights_and_keeps_the_shapes_of_states(pool, model):
    stream, states = stream_model(model, pool), initial_states(model, 2, (19, 22), pool)
    assert {id(w) for w in stream.weights} == {id(w) for w in model.weights}
    assert max(len(state.shape) for state in states.values()) == 5
    out = stream({"image": keras.ops.zeros((2, 1, 19, 22, 3)), **states})
    out.pop("logits")
    assert {name: tuple(s.shape) for name, s in out.items()} == {name: tuple(s.shape) for name, s in states.items()}
    assert {name: s.dtype for name, s in out.items()} == {name: s.dtype for name, s in states.items()}


@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_saved_twin_gives_the_same_bits(pool, model, tmp_path):
    stream, states = stream_model(model, pool), initial_states(model, 1, 16, pool)
    stream.save(tmp_path / "stream.keras")
    loaded = keras.models.load_model(tmp_path / "stream.keras")
    frame = {"image": keras.random.uniform((1, 5, 16, 16, 3)), **states}
    expected, result = stream(frame), loaded(frame)
    assert expected.keys() == result.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(result[name], value)


def test_the_published_states_have_the_published_names(model):
    names = {name.split("_layer0_")[-1] for name in initial_states(model, 1, 16) if "layer0" in name}
    assert names == {"stream_buffer", "pool_buffer", "pool_frame_count", "pos_enc_frame_count"}


@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_every_pool_gives_the_same_whatever_the_cut(pool, model):
    clip = np.random.default_rng(0).random((2, 6, 16, 18, 3), dtype=np.float32)
    whole = streamed(model, clip, [], pool)[-1]
    for cuts in ([4, 5], list(range(1, 6))):
        np.testing.assert_allclose(streamed(model, clip, cuts, pool)[-1], whole, rtol=1e-4)


def test_a_window_is_the_clip_so_far_until_it_is_full(model):
    clip = np.random.default_rng(0).random((1, 8, 16, 16, 3), dtype=np.float32)
    rows = streamed(model, clip, list(range(1, 8)), Window(5))
    errors = [np.abs(row / model(clip[:, : frames + 1]) - 1).max() for frames, row in enumerate(rows)]
    assert max(errors[:5]) < 1e-4
    assert min(errors[5:]) > 1e-3


def test_a_window_is_the_clip_of_its_last_frames():
    """Without time in convolutions and squeeze-excite, the head's average is all that remembers."""
    blocks = (BlockSpec(8, (LayerSpec(16, (1, 5, 5)), LayerSpec(24, (1, 3, 3)))),)
    model = built(MovinetSpec(StemSpec(8), blocks, HeadSpec(24, 32), causal=True, se_type="2d"))
    clip = np.random.default_rng(0).random((2, 9, 16, 16, 3), dtype=np.float32)
    rows = streamed(model, clip, list(range(1, 9)), Window(3))
    for frames in range(3, 10):
        np.testing.assert_allclose(rows[frames - 1], model(clip[:, frames - 3 : frames]), rtol=1e-4)


def test_a_twin_from_its_file_takes_arrays_beside_tensors_too(model, tmp_path):
    twin, states = stream_model(model, Window(3)), initial_states(model, 1, 16, Window(3))
    twin.save(tmp_path / "twin.keras")
    loaded: Any = keras.models.load_model(tmp_path / "twin.keras")
    frame = np.random.default_rng(0).random((1, 1, 16, 16, 3))  # of float64
    expected = twin({"image": keras.ops.convert_to_tensor(frame, "float32"), **states})
    arrays = {name: np.asarray(state) for name, state in states.items()}
    for found in (
        twin({"image": frame, **states}),
        loaded({"image": frame, **states}),
        loaded(arrays | {"image": frame}),
    ):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value)


def test_a_base_network_does_not_stream():
    with pytest.raises(ValueError, match="causal"):
        stream_model(build_movinet(dataclasses.replace(STREAM, causal=False), 3))


def test_pushed_frames_are_the_clip_so_far(model):
    clip = np.random.default_rng(0).random((2, 9, 19, 22, 3), dtype=np.float32)
    stream = Stream(model)
    for start, end in [(0, 1), (1, 2), (2, 5), (5, 7), (7, 8), (8, 9)]:
        logits = stream.push(clip[:, start:end])
        assert stream.frames_seen == end
        np.testing.assert_allclose(logits, model(clip[:, :end]), rtol=1e-4)


@pytest.mark.parametrize("pool", POOLS[1:], ids=str)
def test_pushed_frames_go_the_way_of_the_twin(pool, model):
    clip = np.random.default_rng(0).random((1, 6, 16, 16, 3), dtype=np.float32)
    stream = Stream(model, pool)
    rows = [np.asarray(stream.push(clip[:, frame : frame + 1])) for frame in range(6)]
    np.testing.assert_allclose(rows, streamed(model, clip, list(range(1, 6)), pool), rtol=1e-4)


@pytest.mark.slow
def test_pushed_frames_are_the_clip_so_far_on_jax():
    pytest.importorskip("jax")
    code = """
import keras, numpy as np
from movinet.streaming import Stream
from tests.movinet.test_streaming import STREAM, built
assert keras.backend.backend() == "jax"
model, clip = built(STREAM), np.random.default_rng(0).random((2, 5, 16, 18, 3), dtype=np.float32)
stream = Stream(model)
for frame in range(5):
    logits = stream.push(clip[:, frame : frame + 1])
np.testing.assert_allclose(logits, model(clip), rtol=1e-4)
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


def test_a_reset_stream_takes_other_videos(model):
    rng, stream = np.random.default_rng(0), Stream(model)
    stream.push(rng.random((1, 3, 16, 16, 3)))
    stream.reset()
    assert stream.frames_seen == 0
    clip = rng.random((2, 4, 19, 16, 3), dtype=np.float32)
    np.testing.assert_allclose(stream.push(clip), model(clip), rtol=1e-4)


def test_a_stream_follows_the_weights_of_its_model():
    model, frame = built(STREAM), np.ones((1, 1, 16, 16, 3), np.float32)
    stream = Stream(model)
    before = np.asarray(stream.push(frame))
    for weight in model.trainable_weights:
        weight.assign(weight * 1.1)
    stream.reset()
    after = np.asarray(stream.push(frame))
    assert np.abs(after / before - 1).min() > 0.01
    np.testing.assert_allclose(after, model(frame), rtol=1e-4)


@pytest.mark.parametrize(
    ("frames", "allowed"),
    [
        (np.zeros((1, 16, 16, 3)), "(videos, frames, height, width, 3), each 1 or more"),
        (np.zeros((1, 0, 16, 16, 3)), "(videos, frames, height, width, 3), each 1 or more"),
        (np.zeros((1, 1, 16, 16, 1)), "(videos, frames, height, width, 3), each 1 or more"),
        (np.zeros((1, 1, 16, 16, 3), np.uint8), "floats from 0 to 1"),
    ],
)
def test_what_is_no_frame_is_refused_in_one_line(frames, allowed, model):
    stream = Stream(model)
    with pytest.raises(ValueError, match="not allowed; allowed") as error:
        stream.push(frames)
    assert str(error.value).endswith(allowed)
    assert stream.frames_seen == 0


def test_frames_of_another_size_are_refused_until_reset(model):
    stream = Stream(model)
    stream.push(np.zeros((2, 1, 16, 16, 3)))
    with pytest.raises(ValueError, match=r"\(1, 1, 16, 16, 3\) .* allowed: \(2, frames, 16, 16, 3\), as before"):
        stream.push(np.zeros((1, 1, 16, 16, 3)))
    assert stream.frames_seen == 1


def _resident_kib() -> int:
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("VmRSS"))


def _live_tensors() -> int:
    gc.collect()
    return sum(type(value).__name__ == "EagerTensor" for value in gc.get_objects())


def _memory_of_frames(pool: Pool) -> list[tuple[int, int]]:
    """Resident KiB and live tensors after a thousand and after ten thousand frames."""
    blocks = (BlockSpec(8, (LayerSpec(16, (3, 3, 3)),)),)
    stream = Stream(built(dataclasses.replace(STREAM, blocks=blocks)), pool)
    frame, kept = np.ones((1, 1, 8, 8, 3), np.float32), []
    for number in range(1, 10_001):
        stream.push(frame)
        if number in (1_000, 10_000):
            kept.append((_resident_kib(), _live_tensors()))
    return kept


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_ten_thousand_frames_take_the_memory_of_a_thousand(pool):
    with get_context("spawn").Pool(1) as process:  # the memory of other tests comes and goes in this one
        (early, tensors), (late, tensors_late) = process.apply(_memory_of_frames, (pool,))
    assert late <= 1.02 * early
    assert tensors_late == tensors > 0


def test_a_frozen_stream_of_mixed_precision_computes_in_float32(model):
    mixed = build_movinet(STREAM, 5, dtype="mixed_bfloat16")
    mixed.set_weights(model.get_weights())
    streams, frame = [Stream(network, frozen=True) for network in (mixed, model)], np.full((1, 1, 8, 8, 3), 0.5, "f4")
    for _ in range(3):
        logits = [np.asarray(stream.push(frame)) for stream in streams]
    np.testing.assert_allclose(*logits, rtol=1e-5, atol=1e-5)


def with_stranger(stranger) -> keras.Model:
    """STREAM's network with `stranger` between its head and its classifier."""
    model = build_movinet(STREAM, 5)
    return keras.Model(
        model.input, model.get_layer("classifier_head")(stranger(model.get_layer("head").output)), name="n"
    )


@pytest.mark.parametrize(
    ("network", "part"),
    [
        (lambda: with_stranger(keras.layers.Dense(24, name="mixer")), "the layer mixer of the class Dense"),
        (lambda: with_stranger(lambda x: keras.ops.negative(x)), r"the layer \w+ of the class Negative"),
        (lambda: build_backbone(STREAM), "no classifier_head"),
    ],
    ids=["layer", "operation", "backbone"],
)
def test_what_a_stream_would_leave_out_is_refused(network, part):
    def in_a_frame_graph(model):
        return FrameGraph(model)(np.zeros((2, 8, 8, 3), "f4"))

    model = network()
    for use in (stream_model, Stream, lambda model: Stream(model, frozen=True), in_a_frame_graph):
        with pytest.raises(InputError, match=rf"^{model.name} has {part}; allowed: the layers of build_movinet, .*$"):
            use(model)


def test_a_frozen_stream_says_what_the_network_says():
    model, clip = built(STREAM), np.random.default_rng(0).random((1, 7, 19, 22, 3), dtype=np.float32)
    stream = Stream(model, frozen=True)
    for _ in range(2):
        logits = [stream.push(clip[:, frame : frame + 1]) for frame in range(7)]
        for frames in (1, 2, 7):
            np.testing.assert_allclose(logits[frames - 1], model(clip[:, :frames]), rtol=1e-4, atol=1e-5)
        stream.reset()
    with pytest.raises(ValueError, match=r"shape \(1, 2, 19, 22, 3\) .* frozen stream"):
        stream.push(clip[:, :2])
    with pytest.raises(ValueError, match="frozen"):
        Stream(model, Window(3), frozen=True)
