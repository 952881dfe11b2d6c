"""The convolutions of `movinet.deploy.litert_forms` as products and sums of shifted frames, for XLA.

XLA makes one loop of all taps, shift and activation, where its own convolutions of few channels are slow on CPUs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from movinet.deploy.litert_forms import stacked, windows

__all__ = ["depthwise", "full", "in_time", "windows"]


def full(seen: list[Any], kernel: np.ndarray, stride: int) -> Any:
    """A convolution of `windows` with (kt, kh, kw, C, F): a matrix product."""
    x, kernel = stacked(seen, kernel)
    height, width, _, filters = kernel.shape
    taps = _shifted(x, height, width, stride)
    columns = tf.concat(taps, -1) if len(taps) > 1 else taps[0]
    *frames, depth = columns.shape
    product = tf.matmul(tf.reshape(columns, (-1, depth)), kernel.reshape(-1, filters))
    return tf.reshape(product, (*frames, filters))


def depthwise(seen: list[Any], kernel: np.ndarray, stride: int) -> Any:
    """A depthwise convolution of `windows` with (kt, kh, kw, C)."""
    _, height, width, channels = kernel.shape
    taps = [tap for x in seen for tap in _shifted(x, height, width, stride)]
    parts = [tap * weights for tap, weights in zip(taps, kernel.reshape(-1, channels), strict=True)]
    return sum(parts[1:], parts[0])


def in_time(seen: Any, kernel: np.ndarray) -> Any:
    """A depthwise convolution of T + kt - 1 frames with (kt, 1, 1, C)."""
    return depthwise(windows(seen, len(kernel)), kernel, 1)


def _shifted(x: Any, height: int, width: int, stride: int) -> list[Any]:
    """What each tap of a kernel sees of (T, H, W, C), padded as "SAME" is."""
    if height == width == stride == 1:
        return [x]
    rows, columns = (-(-length // stride) for length in x.shape[1:3])
    tall, wide = (rows - 1) * stride + 1, (columns - 1) * stride + 1
    lacking = max(tall + height - 1 - x.shape[1], 0), max(wide + width - 1 - x.shape[2], 0)
    x = tf.pad(x, ((0, 0), *((lack // 2, lack - lack // 2) for lack in lacking), (0, 0)))
    return [
        x[:, top : top + tall : stride, left : left + wide : stride] for top in range(height) for left in range(width)
    ]
