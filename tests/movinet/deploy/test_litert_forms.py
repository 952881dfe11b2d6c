"""The convolutions of frames, by LiteRT's operators and by products, against Keras' and each other."""

import numpy as np
import pytest
import tensorflow as tf

from movinet.deploy import litert_forms, xla_forms
from movinet.layers.backend import ops

RNG = np.random.default_rng(0)
SIZES = [(1, 2), (5, 6), (7, 4)]


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("forms", [litert_forms, xla_forms])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("taps", [(1, 1, 1), (1, 3, 3), (3, 5, 5), (3, 1, 1)])
def test_both_forms_are_keras_convolutions(forms, size, stride, taps):
    seen = normal(3 + taps[0], *size, 4)
    frames = forms.windows(tf.constant(seen), taps[0])
    full, single = normal(*taps, 4, 6), normal(*taps, 4)
    strides = (1, stride, stride)
    # Keras pads time, too: what comes of that, at both ends of its answer, is left out.
    expected = ops.conv(seen[None], full, strides, "same")[0]
    diagonal = single[..., None] * np.eye(4, dtype=np.float32)
    expected_single = ops.conv(seen[None], diagonal, strides, "same")[0]
    inner = slice(taps[0] // 2, len(seen) - taps[0] // 2)
    np.testing.assert_allclose(forms.full(frames, full, stride), expected[inner], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(forms.depthwise(frames, single, stride), expected_single[inner], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("forms", [litert_forms, xla_forms])
@pytest.mark.parametrize("size", SIZES)
def test_a_convolution_in_time_is_the_sum_over_its_taps(forms, size):
    kernel, seen = normal(3, 1, 1, 4), normal(3, *size, 4)
    expected = (seen * kernel).sum(0, keepdims=True)
    for given in (tf.constant(seen), tf.constant(seen[None]), [tf.constant(frame[None]) for frame in seen]):
        np.testing.assert_allclose(forms.in_time(given, kernel), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [*SIZES, (2, 1), (43, 86)])
def test_a_convolution_pools_as_an_average_pool_does(size):
    x = normal(2, *size, 3)
    expected = tf.nn.avg_pool2d(x, 3, 2, "SAME")
    np.testing.assert_allclose(litert_forms.average_pooled(tf.constant(x)), expected, rtol=1e-5, atol=1e-6)
