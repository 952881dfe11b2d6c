"""A stream frame by frame gives what the whole clip gives, whatever the cut."""

import dataclasses
from random import Random

import keras
import numpy as np
import pytest

from movinet.model import build_movinet
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.streaming import initial_states, stream_model
from tests.random_specs import random_spec

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


def built(spec: MovinetSpec, classes: int = 5) -> keras.Model:
    """A model whose every weight is off its initial value."""
    model = build_movinet(spec, classes)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
    return model


def streamed(model: keras.Model, clip: np.ndarray, cuts: list[int]) -> np.ndarray:
    """Logits after each of the pieces that end before frame `cuts[i]`: (pieces, B, classes)."""
    stream, states, logits = stream_model(model), initial_states(model, len(clip), clip.shape[2:4]), []
    for start, end in zip([0, *cuts], [*cuts, clip.shape[1]], strict=True):
        out = stream({"image": keras.ops.convert_to_tensor(clip[:, start:end]), **states})
        logits.append(np.asarray(out.pop("logits")))
        states = out
    return np.stack(logits)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_frame_by_frame_is_the_clip_so_far(spec):
    model, clip = built(spec), np.random.default_rng(0).random((2, 7, 19, 22, 3), dtype=np.float32)
    rows = streamed(model, clip, list(range(1, 7)))
    for frames in (1, 2, 4, 7):
        np.testing.assert_allclose(rows[frames - 1], model(clip[:, :frames]), rtol=1e-4, atol=1e-5)


def _random_networks(seeds: range) -> None:
    """Frame by frame is the whole clip, for the network of each seed."""
    for seed in seeds:
        rng = Random(seed)
        spec = dataclasses.replace(random_spec(rng), causal=True)
        model = built(spec, classes=3)
        frames, size = rng.randint(2, 6), rng.randint(5, 24)
        clip = np.random.default_rng(seed).random((1, frames, size, size + 3, 3), dtype=np.float32)
        whole, last = np.asarray(model(clip)), streamed(model, clip, list(range(1, frames)))[-1]
        error = np.abs(last - whole).max() / np.abs(whole).max()
        assert error <= 1e-4, f"seed {seed}, {spec}: relative error {error:.1e}"


def test_random_networks_frame_by_frame():
    _random_networks(range(5))


@pytest.mark.slow
def test_two_hundred_random_networks_frame_by_frame():
    _random_networks(range(200))


def test_pieces_of_any_length_end_alike():
    model, clip = built(STREAM), np.random.default_rng(0).random((1, 9, 16, 16, 3), dtype=np.float32)
    whole = np.asarray(model(clip))
    for cuts in ([1], [4, 5], [2, 8]):
        np.testing.assert_allclose(streamed(model, clip, cuts)[-1], whole, rtol=1e-4, atol=1e-5)


def test_twin_shares_the_weights_and_keeps_the_shapes_of_states():
    model = built(STREAM)
    stream, states = stream_model(model), initial_states(model, 2, (19, 22))
    assert {id(w) for w in stream.weights} == {id(w) for w in model.weights}
    out = stream({"image": keras.ops.zeros((2, 1, 19, 22, 3)), **states})
    out.pop("logits")
    assert {name: tuple(s.shape) for name, s in out.items()} == {name: tuple(s.shape) for name, s in states.items()}
    assert {name: s.dtype for name, s in out.items()} == {name: s.dtype for name, s in states.items()}


def test_saved_twin_gives_the_same_bits(tmp_path):
    model = built(STREAM)
    stream, states = stream_model(model), initial_states(model, 1, 16)
    stream.save(tmp_path / "stream.keras")
    loaded = keras.models.load_model(tmp_path / "stream.keras")
    frame = {"image": keras.random.uniform((1, 2, 16, 16, 3)), **states}
    expected, result = stream(frame), loaded(frame)
    assert expected.keys() == result.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(result[name], value)


def test_a_base_network_does_not_stream():
    with pytest.raises(ValueError, match="causal"):
        stream_model(build_movinet(dataclasses.replace(STREAM, causal=False), 3))
