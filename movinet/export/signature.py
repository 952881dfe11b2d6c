"""What an exported file is called with: tensors by the original's names, and which output feeds which input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

from movinet.deploy.graph import FrameGraph
from movinet.models.runtime import Tensors
from movinet.spec import ClipSpec
from movinet.streaming import initial_states


@dataclass(frozen=True)
class State:
    """One input that carries the past; zeros before the first frame.

    The next call takes what this call returned as `output`, or was given as the input `shifted_from`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    output: str | None = None
    shifted_from: str | None = None

    def following(self, given: Tensors, returned: Tensors) -> Any:
        """Its value in the next call."""
        return returned[self.output] if self.output else given[self.shifted_from or ""]


@dataclass(frozen=True)
class Signature:
    """A function of named tensors of fixed shapes, for one video.

    image: shape of the frames of a call, in [0, 1]; call: all inputs by name -> logits (1, classes) and next states.
    """

    image: tuple[int, ...]
    states: tuple[State, ...]
    call: Callable[[Tensors], Tensors]

    @property
    def inputs(self) -> dict[str, tf.TensorSpec]:
        """What the function takes, by name."""
        specs = {"image": tf.TensorSpec(self.image, tf.float32, name="image")}
        return specs | {state.name: tf.TensorSpec(state.shape, state.dtype, name=state.name) for state in self.states}

    def concrete(self) -> Any:
        """The function as a TensorFlow graph."""
        return tf.function(lambda **inputs: self.call(inputs), autograph=False).get_concrete_function(**self.inputs)

    def first_states(self) -> Tensors:
        """The states before the first frame, as arrays."""
        return {state.name: tf.zeros(state.shape, state.dtype).numpy() for state in self.states}

    def next_states(self, given: Tensors, returned: Tensors) -> Tensors:
        """The states of the next call."""
        return {state.name: state.following(given, returned) for state in self.states}

    def with_next(self, prefix: str) -> Signature:
        """The same, the names of its returned states led by `prefix`."""

        def call(inputs: Tensors) -> Tensors:
            returned = self.call(inputs)
            return {name if name == "logits" else prefix + name: value for name, value in returned.items()}

        states = tuple(replace(state, output=state.output and prefix + state.output) for state in self.states)
        return replace(self, states=states, call=call)


def clip_signature(model: keras.Model, clip: ClipSpec, int8: bool = False) -> Signature:
    """A whole clip at once: image (1, T, S, S, 3) -> logits."""
    graph, shape = FrameGraph(model, int8), (clip.frames, clip.resolution, clip.resolution, 3)

    def call(inputs: Tensors) -> Tensors:
        return {"logits": graph(tf.reshape(inputs["image"], shape))[0]}

    return Signature((1, *shape), (), call)


def stream_signature(model: keras.Model, size: int, int8: bool = False) -> Signature:
    """Frame by frame with the original's names and shapes: image (1, 1, S, S, 3) and every state goes in and out."""
    graph, shape = FrameGraph(model, int8), (1, size, size, 3)
    zeros = initial_states(model, 1, size)

    def call(inputs: Tensors) -> Tensors:
        logits, later = graph(tf.reshape(inputs["image"], shape), {name: inputs[name] for name in zeros})
        return {"logits": logits, **later}

    states = tuple(State(name, tuple(zero.shape), _dtype(zero), output=name) for name, zero in zeros.items())
    return Signature((1, *shape), states, call)


def frame_signature(model: keras.Model, size: int, int8: bool = False) -> Signature:
    """Frame by frame with tensors of rank 4 at most: image (1, S, S, 3); a state for each past frame of each buffer.

    A stream buffer of k frames is k inputs, ..._stream_buffer_0 (the oldest) to ..._{k-1}, and one output, the newest
    frame; the host passes the others on, so that no frame is copied.
    """
    graph, zeros = FrameGraph(model, int8), initial_states(model, 1, size)
    states = [state for name, zero in zeros.items() for state in _split(name, tuple(zero.shape), _dtype(zero))]

    def call(inputs: Tensors) -> Tensors:
        given: Tensors = {}
        for name, zero in zeros.items():
            frames = [inputs[f"{name}_{index}"] for index in range(zero.shape[1])] if _is_buffer(name) else None
            given[name] = frames or inputs[name]
        logits, later = graph(inputs["image"], given)
        newest = {name: f"{name}_{zeros[name].shape[1] - 1}" if _is_buffer(name) else name for name in later}
        return {"logits": logits} | {newest[name]: tf.identity(state) for name, state in later.items()}

    return Signature((1, size, size, 3), tuple(states), call)


def _split(name: str, shape: tuple[int, ...], dtype: str) -> list[State]:
    if not _is_buffer(name):
        return [State(name, shape[1:] if len(shape) == 5 else shape, dtype, output=name)]
    names = [f"{name}_{index}" for index in range(shape[1])]
    older = [State(each, (1, *shape[2:]), dtype, shifted_from=newer) for each, newer in pairwise(names)]
    return [*older, State(names[-1], (1, *shape[2:]), dtype, output=names[-1])]


def _is_buffer(name: str) -> bool:
    return name.endswith("stream_buffer")


def _dtype(value: Any) -> str:
    return keras.backend.standardize_dtype(value.dtype)
