"""An exported file against the network it was made from: real frames through the real runtime."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain, cycle, islice
from math import ceil
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from movinet.export.signature import Signature
from movinet.machine.progress import Say, counted, silent
from movinet.models.runtime import Call
from movinet.streaming import initial_states, stream_model

LIMITS = {None: 1e-4, "float16": 1e-2}  # relative, of the logits; what is quantised further is reported


@dataclass(frozen=True)
class Agreement:
    """Logits of a file against the network's after so many frames (of clips: whole ones).

    relative_error: the greatest difference by the greatest logit, both of all calls so far; same_class: the share of
    calls so far whose likeliest class is the network's.
    """

    frames: int
    relative_error: float
    same_class: float


def agreements(
    model: keras.Model,
    signature: Signature,
    call: Call,
    clips: Iterable[np.ndarray],
    at: Sequence[int],
    say: Say = silent,
) -> list[dict[str, Any]]:
    """How far `call`, which takes and returns tensors by name, follows the network after `at` frames.

    clips: (T, S, S, 3), as one stream, again from the first when they end; a network of whole clips takes each of them
    once, and no more than cover the greatest of `at`.  say: is told every few seconds how long it will take.
    """
    clips = list(clips)
    if signature.states:
        frames, last = 1, max(at)
        steps = zip(_reference(model, clips), _followed(signature, call, clips), strict=False)
    else:
        frames = signature.image[1]
        last = min(len(clips), ceil(max(at) / frames))
        steps = _whole_clips(model, signature, call, clips)
    stops = {min(ceil(stop / frames), last) for stop in at}
    rows, off, greatest, same = [], 0.0, 0.0, 0
    steps = counted(islice(steps, last), last, "frames compared", say, frames)
    for number, (wanted, found) in enumerate(steps, 1):
        off = float(np.maximum(off, np.abs(found - wanted).max()))  # max would lose a NaN
        greatest = max(greatest, float(np.abs(wanted).max()), 1e-12)
        same += int(found.argmax() == wanted.argmax())
        if number in stops:
            rows.append(asdict(Agreement(number * frames, off / greatest, same / number)))
    return rows


def _whole_clips(
    model: keras.Model, signature: Signature, call: Call, clips: list[np.ndarray]
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Logits (1, classes) of each clip, by Keras and by the file."""
    for clip in clips:
        image = np.resize(clip, signature.image)
        yield np.asarray(_whole(model)(image)), call({"image": image})["logits"]


def _reference(model: keras.Model, clips: list[np.ndarray]) -> Iterable[np.ndarray]:
    """Logits (1, classes) after each frame, by Keras."""
    step, states = _step(model), initial_states(model, 1, clips[0].shape[1:3])
    for frame in chain.from_iterable(cycle(clips)):
        states = dict(step({"image": frame[None, None], **states}))
        yield np.asarray(states.pop("logits"))


@lru_cache(maxsize=1)  # several files of one network are compared with one graph; its weights may change meanwhile
def _step(model: keras.Model) -> Any:
    stream = stream_model(model)
    return tf.function(lambda inputs: stream(inputs, training=False), autograph=False)


@lru_cache(maxsize=1)
def _whole(model: keras.Model) -> Any:
    return tf.function(lambda clip: model(clip, training=False), autograph=False)


def _followed(signature: Signature, call: Call, clips: list[np.ndarray]) -> Iterable[np.ndarray]:
    """Logits (1, classes) after each frame, by the file."""
    states = signature.first_states()
    for frame in chain.from_iterable(cycle(clips)):
        given = {"image": frame.reshape(signature.image), **states}
        returned = call(given)
        yield returned["logits"]
        states = signature.next_states(given, returned)
