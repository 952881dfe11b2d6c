"""Averages over the frames of a stream: which earlier frames count, and what is kept to go on from call to call."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras

from movinet.config.errors import InputError
from movinet.layers.backend import ops

Averages = tuple[Any, dict[str, Any]]


def spatial_mean(clip: Any) -> Any:
    """(B, T, H, W, C) -> (B, T, 1, 1, C)."""
    return ops.mean(clip, axis=(2, 3), keepdims=True)


def cumulative_mean(frames: Any) -> Any:
    """For every frame of a clip the mean of all frames up to it, (B, T, 1, 1, C) like `frames`."""
    return Cumulative().means(frames, {"pool_buffer": 0.0, "pool_frame_count": 0})[0]


def pool_dtype(dtype: str) -> str:
    """What a pool calculates and keeps in: a sum in bfloat16 would stand still after 256 frames."""
    return keras.backend.result_type(dtype, "float32")


class Pool:
    """Which earlier frames the averages of a stream count: `Cumulative`, `Window` or `Exponential`."""

    def means(self, frames: Any, states: dict[str, Any]) -> Averages:
        """For every frame the mean of the frames that count then, and the next states.

        frames: (B, T, 1, 1, C) spatial means, T >= 1; states: of `state_shapes`, zeros before the first frame.
        """
        raise NotImplementedError

    def state_shapes(self, batch: int | None, channels: int) -> dict[str, tuple]:
        """Shapes of the states for `batch` streams, by name: of `pool_dtype`, int32 where they count frames."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]  # every pool is a dataclass

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Pool:
        return cls(**config)


@keras.saving.register_keras_serializable(package="movinet")
@dataclass(frozen=True)
class Cumulative(Pool):
    """All frames so far, alike: the published average (arXiv:2103.11511, 3.2, causal squeeze-excite).

    Keeps pool_buffer (B, 1, 1, 1, C), the sum of the earlier frames, and pool_frame_count (1,), their number.  The sum
    is float32, as published: where all frames are alike its roundings go one way, and the mean can be wrong by 1.4e-4
    of itself after 10,000 frames and 1.4e-3 after 100,000 (noise: 4e-6 and 1e-5).  The other pools do not drift.
    """

    def means(self, frames: Any, states: dict[str, Any]) -> Averages:
        values, total, seen = _wide(frames), states["pool_buffer"], states["pool_frame_count"]
        if values.shape[1] == 1:  # a stream's next frame; half the operations, each of which costs more than its work
            sums, count = values + total, seen + 1
            means, last = sums / ops.cast(count, sums.dtype), sums
        else:
            sums = ops.cumsum(values, axis=1) + total
            counts, count = _counts(values, seen)
            means, last = sums / ops.cast(counts, sums.dtype), sums[:, -1:]
        return ops.cast(means, frames.dtype), {"pool_buffer": last, "pool_frame_count": count}

    def state_shapes(self, batch: int | None, channels: int) -> dict[str, tuple]:
        return {"pool_buffer": (batch, 1, 1, 1, channels), "pool_frame_count": (1,)}


@keras.saving.register_keras_serializable(package="movinet")
@dataclass(frozen=True)
class Window(Pool):
    """The last `frames` frames, alike, the newest among them; all frames so far while they are fewer.

    Keeps pool_window (B, frames, 1, 1, C), the newest frame last, and pool_frame_count (1,).
    """

    frames: int

    def __post_init__(self):
        if type(self.frames) is not int or self.frames < 1:
            raise InputError(f"Window.frames={self.frames!r} is not allowed; allowed: an integer >= 1")

    def means(self, frames: Any, states: dict[str, Any]) -> Averages:
        seen = ops.concatenate([states["pool_window"], _wide(frames)], axis=1)
        means = ops.average_pool(seen[:, 1:, 0, 0], self.frames, strides=1, data_format="channels_last")
        counts, count = _counts(frames, states["pool_frame_count"])
        share = ops.cast(ops.minimum(counts, self.frames), seen.dtype) / self.frames  # the rest of the window is zeros
        later = {"pool_window": seen[:, -self.frames :], "pool_frame_count": count}
        return ops.cast(means[:, :, None, None] / share, frames.dtype), later

    def state_shapes(self, batch: int | None, channels: int) -> dict[str, tuple]:
        return {"pool_window": (batch, self.frames, 1, 1, channels), "pool_frame_count": (1,)}


@keras.saving.register_keras_serializable(package="movinet")
@dataclass(frozen=True)
class Exponential(Pool):
    """All frames so far, each with half the weight of the one `half_life` frames later.

    At frame t the mean is sum(d^(t-i) x_i) / sum(d^(t-i)) over i <= t, d = 0.5^(1 / half_life): the first frame's is
    the frame itself.  Keeps the two sums, pool_buffer (B, 1, 1, 1, C) and pool_weight (1,).
    """

    half_life: float  # frames

    def __post_init__(self):
        value = self.half_life
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number and 0 < value < math.inf):
            raise InputError(f"Exponential.half_life={value!r} is not allowed; allowed: a number of frames > 0")

    def means(self, frames: Any, states: dict[str, Any]) -> Averages:
        values = _wide(frames)
        dtype, numbers = values.dtype, ops.arange(1, ops.shape(values)[1] + 1, dtype="int32")
        ages = numbers[:, None] - numbers[None, :]  # (T, T), of the column's frame at the time of the row's
        weights = ops.where(ages >= 0, self._weight(ops.maximum(ages, 0), dtype), ops.zeros((), dtype))
        before = self._weight(numbers, dtype)
        sums = ops.einsum("ti,bihwc->bthwc", weights, values)
        sums = sums + ops.reshape(before, (1, -1, 1, 1, 1)) * states["pool_buffer"]
        total = ops.sum(weights, axis=1) + before * states["pool_weight"]
        means = sums / ops.reshape(total, (1, -1, 1, 1, 1))
        return ops.cast(means, frames.dtype), {"pool_buffer": sums[:, -1:], "pool_weight": total[-1:]}

    def state_shapes(self, batch: int | None, channels: int) -> dict[str, tuple]:
        return {"pool_buffer": (batch, 1, 1, 1, channels), "pool_weight": (1,)}

    def _weight(self, ages: Any, dtype: str) -> Any:
        return ops.exp(ops.cast(ages, dtype) * (-math.log(2) / self.half_life))


CUMULATIVE = Cumulative()


def _wide(frames: Any) -> Any:
    return ops.cast(frames, pool_dtype(frames.dtype))


def _counts(frames: Any, before: Any) -> Averages:
    """How many frames there are with each of these, (1, T, 1, 1, 1), and with the last; int32."""
    number = ops.shape(frames)[1]
    counts = ops.arange(1, number + 1, dtype="int32") + before
    return ops.reshape(counts, (1, -1, 1, 1, 1)), before + number
