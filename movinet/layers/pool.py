"""Averages over space and time that can go on from call to call."""

from __future__ import annotations

from typing import Any

import keras

ops: Any = keras.ops  # its inferred types are unions over backends


def spatial_mean(clip: Any) -> Any:
    """(B, T, H, W, C) -> (B, T, 1, 1, C)."""
    return ops.mean(clip, axis=(2, 3), keepdims=True)


def cumulative_mean(means: Any, states: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """For every frame the mean of all frames up to it (arXiv:2103.11511, 3.2, causal squeeze-excite).

    means: (B, T, 1, 1, C) spatial means.  states: pool_buffer (B, 1, 1, 1, C), the sum over earlier frames, and
    pool_frame_count (1,), their number; None at the start.  Returns the means and the next states.
    """
    total, count = _start(means, states)
    sums = ops.cumsum(means, axis=1) + total
    frames = ops.shape(means)[1]
    counts = ops.cast(ops.arange(1, frames + 1, dtype="int32") + count, sums.dtype)
    return sums / ops.reshape(counts, (1, -1, 1, 1, 1)), _next(sums[:, -1:], count + frames)


def running_mean(means: Any, states: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """The mean of all frames so far, (B, 1, 1, 1, C); arguments as for `cumulative_mean`."""
    total, count = _start(means, states)
    total = ops.sum(means, axis=1, keepdims=True) + total
    count = count + ops.shape(means)[1]
    return total / ops.cast(count, total.dtype), _next(total, count)


def pool_state_shapes(batch: int | None, channels: int) -> dict[str, tuple]:
    """Shapes of a pool's states for `batch` streams, by name."""
    return {"pool_buffer": (batch, 1, 1, 1, channels), "pool_frame_count": (1,)}


def _start(means, states):
    if states is None:
        return 0.0, 0
    return ops.cast(states["pool_buffer"], means.dtype), states["pool_frame_count"]


def _next(total, count):
    return {"pool_buffer": total, "pool_frame_count": count}
