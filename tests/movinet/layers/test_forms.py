"""The fast forms give the values and gradients of the plain ones, and those those of the definition."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from movinet.layers import activation, forms, tensorflow_forms


def direct_depthwise(clip, kernel, stride, before, after):
    """A depthwise 3-D convolution written out, with TensorFlow's 'same' padding in space."""
    taps, height, width, _ = kernel.shape
    margins = []
    for size, tap in zip(clip.shape[2:4], (height, width), strict=True):
        total = max((-(-size // stride) - 1) * stride + tap - size, 0)
        margins.append((total // 2, total - total // 2))
    padded = np.pad(clip, ((0, 0), (before, after), *margins, (0, 0)))
    frames, rows, columns = padded.shape[1] - taps + 1, -(-clip.shape[2] // stride), -(-clip.shape[3] // stride)
    result = np.zeros((clip.shape[0], frames, rows, columns, clip.shape[4]), np.float32)
    for t in range(taps):
        for i in range(height):
            for j in range(width):
                window = padded[:, t : t + frames, i : i + stride * rows : stride, j : j + stride * columns : stride]
                result += window[:, :, :rows, :columns] * kernel[t, i, j]
    return result


CASES = [
    # clip, kernel, stride, frames of zeros before and after
    ((2, 5, 7, 8, 4), (3, 3, 3), 1, 1, 1),
    ((2, 5, 7, 8, 4), (5, 3, 3), 2, 4, 0),
    ((1, 6, 8, 7, 4), (5, 5, 5), 2, 2, 2),
    ((1, 6, 8, 7, 4), (3, 1, 1), 1, 2, 0),
    ((2, 6, 8, 7, 4), (5, 1, 1), 1, 2, 2),
    ((2, 6, 5, 7, 4), (3, 1, 1), 1, 0, 0),
    ((1, 3, 8, 7, 4), (3, 1, 1), 2, 1, 1),
    ((2, 3, 9, 9, 4), (1, 5, 5), 2, 0, 0),
    ((2, 1, 5, 5, 4), (5, 3, 3), 1, 2, 2),
    ((2, 5, 5, 5, 4), (3, 3, 3), 1, 0, 0),
    # the kernel's gradient is a forward convolution, too
    ((2, 4, 9, 7, 4), (1, 5, 5), 1, 0, 0),
    ((2, 4, 2, 5, 4), (3, 3, 3), 1, 1, 1),
    ((2, 4, 4, 3, 4), (1, 3, 3), 2, 0, 0),
    ((2, 4, 1, 1, 4), (1, 3, 3), 1, 0, 0),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_depthwise_is_the_definition_and_so_are_its_gradients(case, monkeypatch):
    shape, taps, stride, before, after = case
    rng = np.random.default_rng(0)
    clip = rng.normal(size=shape).astype(np.float32)
    kernel = rng.normal(size=(*taps, shape[-1])).astype(np.float32)
    expected = direct_depthwise(clip, kernel, stride, before, after)
    weights = rng.normal(size=expected.shape).astype(np.float32)
    shift = rng.normal(size=shape[-1:]).astype(np.float32)

    def value_and_gradients():
        arguments = [tf.constant(clip), tf.constant(kernel), tf.constant(shift)]
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = forms.depthwise(*arguments[:2], stride, before, after, arguments[2])
            total = tf.reduce_sum(y * weights)
        return [y, *tape.gradient(total, arguments)]

    fast = value_and_gradients()
    monkeypatch.setattr(forms, "ON_TENSORFLOW", False)
    np.testing.assert_allclose(fast[0], expected + shift, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(forms.depthwise(clip, kernel, stride, before, after), expected, rtol=1e-4, atol=1e-4)
    for ours, plain in zip(fast, value_and_gradients(), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [5, 24, 32])
def test_batch_norm_and_its_moving_statistics(monkeypatch, channels):
    x = np.random.default_rng(0).normal(2.0, 3.0, (2, 3, 4, 4, channels)).astype(np.float32)
    gamma, beta = np.linspace(0.5, 2.0, channels, dtype=np.float32), np.arange(channels, dtype=np.float32)
    mean, variance = np.full(channels, 0.5, np.float32), np.full(channels, 2.0, np.float32)

    def run():
        return forms.normalize_batch(*map(tf.constant, (x, gamma, beta, mean, variance)), 0.9, 1e-3)

    fast = run()
    monkeypatch.setattr(forms, "ON_TENSORFLOW", False)
    for ours, plain in zip(fast, run(), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fast[1], 0.9 * mean + 0.1 * x.mean(axis=(0, 1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(fast[2], 0.9 * variance + 0.1 * x.var(axis=(0, 1, 2, 3), ddof=1), rtol=1e-4)


def test_full_convolution_over_time_and_space_is_conv3d():
    rng = np.random.default_rng(0)
    clip = rng.normal(size=(2, 4, 9, 8, 3)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 3, 3, 6)).astype(np.float32)
    padded = np.pad(clip, ((0, 0), (2, 0), (0, 0), (0, 0), (0, 0)))
    expected = keras.ops.conv(np.pad(padded, ((0, 0), (0, 0), (1, 1), (0, 1), (0, 0))), kernel, strides=(1, 2, 2))
    np.testing.assert_allclose(forms.full(clip, kernel, 2, 2, 0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_kernels_gradient_by_a_forward_convolution_is_that_of_back_propagation(taps, stride):
    rng = np.random.default_rng(0)
    for height, width in ((1, 1), (2, 6), (7, 4), (8, 9)):
        frames = rng.normal(size=(3, height, width, 4)).astype(np.float32)
        upstream = rng.normal(size=(3, -(-height // stride), -(-width // stride), 4)).astype(np.float32)
        arguments = tf.constant(frames), (taps, taps, 4), tf.constant(upstream), stride
        expected = tensorflow_forms.by_backprop(*arguments)[..., 0]
        np.testing.assert_allclose(tensorflow_forms.by_forward(*arguments), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_hard_swish_of_training_has_the_values_and_gradients_of_the_plain_one(dtype):
    x: Any = tf.cast(tf.constant([-9, -3.5, -3, -2.9, -1.5, -0.5, 0, 0.5, 2.9, 3, 3.5, 9]), dtype)

    def value_and_gradient(function):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return y, tape.gradient(y, x, output_gradients=2 * tf.ones_like(y))

    results: Any = map(value_and_gradient, (tensorflow_forms.hard_swish, activation.hard_swish))
    (y, gradient), (plain, expected) = results
    np.testing.assert_array_equal(y, plain)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6 if dtype == "float32" else 2e-3)
    assert gradient.dtype == dtype
    assert forms.in_training(activation.hard_swish) is tensorflow_forms.hard_swish
    assert forms.in_training(keras.ops.relu) is keras.ops.relu
