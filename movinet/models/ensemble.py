"""Networks that answer together, by the mean of their logits before the softmax.

A6 is A4 and A5, each on a clip of its own.  A temporal ensemble is two networks of one architecture at half the frame
rate, one frame apart, for the cost of one at the full rate (arXiv:2103.11511, 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from movinet.config.errors import InputError
from movinet.data.centre import centre_clip
from movinet.layers.backend import ops
from movinet.layers.pool import CUMULATIVE, Pool
from movinet.models.folder import load_network, read_member
from movinet.presets import ENSEMBLES
from movinet.spec import ClipSpec
from movinet.streaming import Stream

A6 = ENSEMBLES["a6-base"]


@dataclass(frozen=True)
class EnsembleMember:
    """One network of an ensemble: the clip it was made for, the names of its outputs, and how much it counts."""

    network: keras.Model
    clip: ClipSpec
    labels: tuple[str, ...]
    weight: float = 1.0

    def __post_init__(self):
        if not 0 < self.weight < float("inf"):
            raise InputError(f"EnsembleMember.weight={self.weight!r} is not allowed; allowed: a number > 0")
        logits = self.network.output_shape[-1]
        if len(self.labels) != logits:
            raise InputError(
                f"EnsembleMember.labels has {len(self.labels)} names; allowed: {logits}, one for each logit"
            )


@dataclass(frozen=True)
class Ensemble:
    """Networks with the same labels in the same order, each of which sees a video at its own rate and size.

    a6 = Ensemble(tuple(EnsembleMember(network, preset(name).clip, labels) for name, network in zip(A6, (a4, a5))))
    clips, damage = a6.clips("cat.mp4")
    logits = a6.logits(clips)
    """

    members: tuple[EnsembleMember, ...]

    def __post_init__(self):
        if not self.members:
            raise InputError("Ensemble.members=() is not allowed; allowed: one network or more")
        for number, member in enumerate(self.members):
            if member.labels != self.labels:
                raise InputError(f"Ensemble.members[{number}].labels are not those of the first, in the same order")

    @property
    def labels(self) -> tuple[str, ...]:
        return self.members[0].labels

    def clips(self, video: str | Path) -> tuple[list[np.ndarray], str | None]:
        """The middle of a video for each network, (1, T, S, S, 3) in [0, 1]; and what was broken in the file."""
        cut = [centre_clip(video, member.clip) for member in self.members]
        return [clip[None] for clip, _ in cut], next((damage for _, damage in cut if damage), None)

    def logits(self, clips: Sequence[Any]) -> np.ndarray:
        """The weighted mean of the networks' logits, (B, classes), each on its clip (B, T, H, W, 3)."""
        pairs = zip(self.members, clips, strict=True)
        answers = [np.asarray(member.network(clip, training=False)) for member, clip in pairs]
        return np.average(answers, axis=0, weights=[member.weight for member in self.members])


def load_ensemble(folders: Sequence[str | Path], weights: Sequence[float] | None = None) -> Ensemble:
    """The family members of these folders as one. Raises MemberError, and InputError where labels differ."""
    members = [read_member(folder) for folder in folders]
    weights = [1.0] * len(members) if weights is None else weights
    if len(weights) != len(members):
        raise InputError(f"{len(weights)} weights are not allowed for {len(members)} networks; allowed: one each")
    pairs = zip(members, weights, strict=True)
    return Ensemble(tuple(EnsembleMember(load_network(m), m.spec.clip, m.labels, weight) for m, weight in pairs))


@keras.saving.register_keras_serializable(package="movinet")
class AlternateFrames(keras.layers.Layer):
    """Two networks that take turns: frames 0, 2, 4, ... are the first's, 1, 3, 5, ... the second's.

    Call arguments: clip (B, T, H, W, 3).  Returns the mean of their logits; the first's where T is 1.
    """

    def __init__(self, first: keras.Model, second: keras.Model, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = first, second

    def call(self, clip, training=False):
        frames = ops.shape(clip)[1]
        turn = 1 - 1 // frames  # 0 for a single frame: the second gets it too, but does not count
        first = self.first(clip[:, ::2], training=training)
        second = self.second(clip[:, turn::2], training=training)
        return first + 0.5 * ops.cast(turn, first.dtype) * (second - first)

    def compute_output_spec(self, clip, training=False):
        return keras.KerasTensor((clip.shape[0], self.first.output_shape[-1]), dtype="float32")

    def get_config(self):
        networks = {"first": self.first, "second": self.second}
        return {**super().get_config(), **{k: keras.saving.serialize_keras_object(n) for k, n in networks.items()}}

    @classmethod
    def from_config(cls, config):
        networks = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("first", "second")}
        return cls(**{**config, **networks})


def temporal_ensemble(first: keras.Model, second: keras.Model) -> keras.Model:
    """Two networks of one architecture, trained at half the frame rate, as one for clips at the full rate.

    Takes (B, T, H, W, 3), T >= 1; returns logits (B, num_classes).  Shares the networks' weights.
    """
    _require_alike(first, second)
    clip = keras.Input((None, None, None, 3), name="image")
    return keras.Model(clip, AlternateFrames(first, second, name="alternate")(clip), name="temporal_ensemble")


class TemporalStream:
    """The same frame by frame, for causal networks: each frame costs one network's work.

    Frames go to the two in turn; the answer is the mean of their newest logits, the first's until the second has one.
    """

    def __init__(self, first: keras.Model, second: keras.Model, pool: Pool = CUMULATIVE):
        _require_alike(first, second)
        self._streams = Stream(first, pool), Stream(second, pool)
        self.reset()

    def push(self, frames: Any) -> Any:
        """The next frames (B, t, H, W, 3) in [0, 1] at the full rate -> logits (B, num_classes) after the newest."""
        frames, turn = self._streams[0].checked(frames), self.frames_seen
        for number, stream in enumerate(self._streams):
            own = frames[:, (number - turn) % 2 :: 2]
            if own.shape[1]:
                self._newest[number] = stream.push(own)
        return sum(self._newest.values()) / len(self._newest)

    def another(self) -> TemporalStream:
        """As of `Stream`."""
        other = copy(self)
        other._streams = self._streams[0].another(), self._streams[1].another()
        other.reset()
        return other

    def reset(self) -> None:
        """Forgets all frames."""
        for stream in self._streams:
            stream.reset()
        self._newest: dict[int, Any] = {}

    @property
    def frames_seen(self) -> int:
        return sum(stream.frames_seen for stream in self._streams)


def _require_alike(first: keras.Model, second: keras.Model) -> None:
    if first.output_shape != second.output_shape:
        classes = f"{first.output_shape[-1]} and {second.output_shape[-1]}"
        raise InputError(f"networks of {classes} classes are not allowed together; allowed: the same number")
