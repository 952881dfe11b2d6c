"""What a change in one pixel changes: nothing before it in time, and something after it, wherever the pixel is."""

import dataclasses
from random import Random

import keras
import numpy as np
import pytest

from movinet.model import build_movinet
from movinet.presets import preset
from movinet.spec import MovinetSpec, StemSpec
from movinet.streaming import Stream
from tests.support.random_specs import random_spec

FRAMES, CLASSES = 5, 3


def seeing(spec: MovinetSpec) -> MovinetSpec:
    """The spec without what may be blind to a pixel: a stem that skips, an activation that is flat."""
    return dataclasses.replace(
        spec,
        stem=StemSpec(spec.stem.filters, (spec.stem.kernel[0], 3, 3), spec.stem.stride),
        activation="swish",
        gating_activation="sigmoid",
        average_pooling_type="3d",
    )


SPECS = {
    "base": dataclasses.replace(seeing(random_spec(Random(7))), causal=False),
    "causal": dataclasses.replace(seeing(random_spec(Random(4))), causal=True),
    "t0-stream": preset("t0-stream"),
}


def built(spec: MovinetSpec) -> keras.Model:
    """A network whose ReZero scalars and biases are off zero."""
    model, rng = build_movinet(spec, CLASSES), np.random.default_rng(1)
    for weight in model.weights:
        if weight.path.endswith(("scale", "bias", "beta")):
            weight.assign(weight + rng.uniform(0.3, 0.6, weight.shape))
    return model


@pytest.fixture(scope="module", params=SPECS)
def model(request):
    return built(SPECS[request.param])


def clip_of(height: int, width: int, frames: int = FRAMES) -> np.ndarray:
    return np.random.default_rng(0).random((1, frames, height, width, 3), dtype=np.float32)


def sensitivity(model: keras.Model, clip: np.ndarray) -> np.ndarray:
    """How steeply the first logit rises or falls with each pixel, in the steepest of its colours: (T, H, W)."""
    import tensorflow as tf

    image = tf.constant(clip)
    with tf.GradientTape() as tape:
        tape.watch(image)
        logit = model(image)[:, 0]
    return np.abs(np.asarray(tape.gradient(logit, image))).max(axis=(0, -1))


@pytest.mark.parametrize("size", [(33, 33), (32, 37), (36, 30)], ids=str)
def test_every_pixel_of_every_frame_counts(model, size):
    found = sensitivity(model, clip_of(*size))
    assert found.shape == (FRAMES, *size)
    assert np.isfinite(found).all()
    assert found.min() > 1e-6 * found.max(), f"{np.argwhere(found <= 1e-6 * found.max())[:5]}: (frame, row, column)"


def test_a_changed_corner_changes_the_logits(model):
    clip = clip_of(33, 35)
    before = np.asarray(model(clip))
    for row, column in [(0, 0), (0, 34), (32, 0), (32, 34), (16, 17)]:
        other = clip.copy()
        other[:, :, row, column] += 1.0
        assert np.abs(np.asarray(model(other)) - before).min() > 0, f"row {row}, column {column}"


@pytest.mark.parametrize("name", ["causal", pytest.param("t0-stream", marks=pytest.mark.slow)])
def test_nothing_of_the_future_leaks(name):
    stream, clip = Stream(built(SPECS[name])), clip_of(33, 35)

    def rows(frames: np.ndarray) -> np.ndarray:
        stream.reset()
        return np.stack([np.asarray(stream.push(frames[:, frame : frame + 1])) for frame in range(FRAMES)])

    before = rows(clip)
    for changed in range(FRAMES):
        other = clip.copy()
        other[:, changed] += 0.5
        after = rows(other)
        np.testing.assert_array_equal(after[:changed], before[:changed])
        assert (np.abs(after[changed:] - before[changed:]).max(axis=(1, 2)) > 0).all()


def test_the_features_of_a_clip_know_nothing_of_later_frames():
    model, clip = built(SPECS["causal"]), clip_of(17, 19)
    last = [layer for layer in model.layers if layer.name.startswith("block")][-1]
    features = keras.Model(model.input, last.output)
    before = np.asarray(features(clip))
    for changed in range(FRAMES):
        other = clip.copy()
        other[:, changed:] = 1.0 - other[:, changed:]
        after = np.asarray(features(other))
        np.testing.assert_allclose(after[:, :changed], before[:, :changed], rtol=1e-5, atol=1e-6)
        assert np.abs(after[:, changed] - before[:, changed]).max() > 1e-3


def test_a_base_network_sees_the_future():
    model, clip = built(SPECS["base"]), clip_of(17, 19)
    before = np.asarray(model(clip))
    for changed in range(FRAMES):
        other = clip.copy()
        other[:, changed] += 0.5
        assert np.abs(np.asarray(model(other)) - before).min() > 0, f"frame {changed}"
