"""Convolutions of the frames of one video, (T, H, W, C) with constant kernels, by LiteRT's operators.

What time taps see is (T + taps - 1, H, W, C), the same with a first axis of one, or a list of (1, H, W, C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def windows(seen: Any, taps: int) -> list[Any]:
    """What each time tap sees of T + taps - 1 frames: (T, H, W, C)."""
    if isinstance(seen, list):
        return seen
    frames: Any = tf.reshape(seen, seen.shape[-4:])
    count = frames.shape[0] - (taps - 1)
    return [frames[tap : tap + count] for tap in range(taps)]


def full(seen: list[Any], kernel: np.ndarray, stride: int) -> Any:
    """A convolution of `windows` with (kt, kh, kw, C, F), of all time taps at once."""
    x, kernel = stacked(seen, kernel)
    return tf.nn.conv2d(x, kernel, stride, "SAME")


def stacked(seen: list[Any], kernel: np.ndarray) -> tuple[Any, np.ndarray]:
    """The windows as channels of one, and the kernel for them: (kh, kw, kt C, F)."""
    taps, height, width, channels, filters = kernel.shape
    kernel = kernel.transpose(1, 2, 0, 3, 4).reshape(height, width, taps * channels, filters)
    return tf.concat(seen, -1) if taps > 1 else seen[0], kernel


def depthwise(seen: list[Any], kernel: np.ndarray, stride: int) -> Any:
    """A depthwise convolution of `windows` with (kt, kh, kw, C), a sum over its time taps."""
    strides = (1, stride, stride, 1)
    taps = kernel[..., None]
    parts = [tf.nn.depthwise_conv2d(x, tap, strides, "SAME") for x, tap in zip(seen, taps, strict=True)]
    return sum(parts[1:], parts[0])


def in_time(seen: Any, kernel: np.ndarray) -> Any:
    """A depthwise convolution of T + kt - 1 frames with (kt, 1, 1, C), two-dimensional over time and space.

    Frames of a list lie on top of each other, and the taps a frame's height apart: nothing is reshaped.
    """
    kernel = kernel.transpose(0, 1, 3, 2)
    if isinstance(seen, list):
        apart = (seen[0].shape[1], 1)
        return tf.nn.depthwise_conv2d(tf.concat(seen, 1), kernel, (1, 1, 1, 1), "VALID", dilations=apart)
    *_, count, height, width, channels = seen.shape
    planes = tf.reshape(seen, (1, count, height * width, channels))
    planes = tf.nn.depthwise_conv2d(planes, kernel, (1, 1, 1, 1), "VALID")
    return tf.reshape(planes, (-1, height, width, channels))


def average_pooled(x: Any) -> Any:
    """`avg_pool2d(x, 3, 2, "SAME")` as a depthwise convolution: a sum, and a factor for the pixels it is made of."""
    _, *size, channels = x.shape
    kernel = np.full((3, 3, channels, 1), 1 / 9, np.float32)
    rows, columns = (9**0.5 / _pixels(length) for length in size)
    inside = np.broadcast_to(np.outer(rows, columns)[None, :, :, None], (1, len(rows), len(columns), channels))
    return tf.nn.depthwise_conv2d(x, kernel, (1, 2, 2, 1), "SAME") * inside.astype(np.float32)


def _pixels(length: int) -> np.ndarray:
    """How many of `length` pixels each window of 3 covers that begins 2 after the last one, padded as "SAME" is."""
    count = -(-length // 2)
    starts = 2 * np.arange(count) - max(2 * count + 1 - length, 0) // 2
    return np.minimum(starts + 3, length) - np.maximum(starts, 0)
