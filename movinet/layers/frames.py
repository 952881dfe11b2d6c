"""Clips (B, T, H, W, C) as batches of frames, which 2-D operations take, and back."""

from __future__ import annotations

from typing import Any

from movinet.layers.backend import ops


def frames_of(clip: Any) -> Any:
    """(B, T, H, W, C) -> (B * T, H, W, C)."""
    _, _, height, width, channels = ops.shape(clip)
    return ops.reshape(clip, (-1, height, width, channels))


def clip_of(frames: Any, like: Any) -> Any:
    """(B * T, H, W, C) -> (B, T, H, W, C), with the batch of the clip `like`."""
    _, height, width, channels = ops.shape(frames)
    return ops.reshape(frames, (ops.shape(like)[0], -1, height, width, channels))
