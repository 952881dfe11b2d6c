"""A causal network frame by frame: its twin with states in and out, sharing every weight.

State names are Model Garden's: state_block{b}_layer{l}_stream_buffer, ..._pool_buffer, ..._pool_frame_count,
..._pos_enc_frame_count, state_head_pool_buffer, state_head_pool_frame_count.  All are zeros before the first frame.
Pools other than the published one (`Window`, `Exponential`) keep ..._pool_window and ..._pool_weight as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any

import keras

from movinet.config.errors import InputError
from movinet.layers.backend import ops
from movinet.layers.forms import strided
from movinet.layers.pool import CUMULATIVE, Cumulative, Exponential, Pool, Window, pool_dtype
from movinet.model import check_movinet, in_float32

__all__ = ["Cumulative", "Exponential", "Stream", "StreamModel", "Window", "initial_states", "stream_model"]


Size = int | None


@keras.saving.register_keras_serializable(package="movinet")
class Continued(keras.layers.Layer):
    """A layer of a model that goes on from states.

    pool: of a layer that has one, else None.
    Call arguments: x, what the layer takes; states, by name, of the layer's `state_shapes`.  Returns the layer's result
    and the next states.
    """

    def __init__(self, layer: keras.layers.Layer, pool: Pool | None = None, **kwargs):
        super().__init__(autocast=False, **kwargs)  # a pool's states keep their precision
        self.layer, self.pool = layer, pool

    def call(self, x, states, training=False):
        pool = {} if self.pool is None else {"pool": self.pool}
        return self.layer(x, states, training=training, **pool)

    def compute_output_spec(self, x, states, training=False):
        later = {name: keras.KerasTensor(state.shape, dtype=state.dtype) for name, state in states.items()}
        return self.layer.compute_output_spec(x), later

    def get_config(self):
        parts = {"layer": self.layer, "pool": self.pool}
        kept = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return {**super().get_config(), **kept}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("layer", "pool")}
        return cls(**{**config, **parts})


@keras.saving.register_keras_serializable(package="movinet")
class StreamModel(keras.Model):
    """A functional model that takes arrays beside tensors, each by its input's name: NumPy frames beside its states."""

    def __call__(self, inputs, *args, **kwargs):
        if isinstance(inputs, Mapping):  # Keras refuses the mix before any layer could convert it
            inputs = {name: _tensor(value) for name, value in inputs.items()}
        return super().__call__(inputs, *args, **kwargs)


def _tensor(value: Any) -> Any:
    known = ops.is_tensor(value) or isinstance(value, keras.KerasTensor)
    return value if known else ops.convert_to_tensor(value)


def stream_model(model: keras.Model, pool: Pool = CUMULATIVE) -> StreamModel:
    """The twin of a causal `build_movinet` model that goes on where its last call ended.

    Takes {"image": (B, t, H, W, 3), **states} for any t >= 1, as tensors or NumPy arrays; returns {"logits":
    (B, num_classes), **next states}, the logits after the newest frame.  Shares the model's weights.
    pool: which earlier frames the averages of squeeze-excite and head count; with the published one a stream gives
    what the clip so far gives.  InputError for a network that is not causal, or has layers that `build_movinet` does
    not make.
    """
    check_movinet(model)
    image = keras.Input((None, None, None, 3), name="image")
    inputs, outputs, x = {"image": image}, {}, image
    for layer, pools, shapes in _layer_states(model, pool, None, None, None):
        prefix = _prefix(layer)
        states = {
            name: keras.Input(batch_shape=shape, dtype=_dtype(name, model), name=prefix + name)
            for name, shape in shapes.items()
        }
        x, later = Continued(layer, pools, name=layer.name, dtype=layer.dtype_policy)(x, states)
        inputs.update({prefix + name: state for name, state in states.items()})
        outputs.update({prefix + name: state for name, state in later.items()})
    logits = model.get_layer("classifier_head")(x)
    return StreamModel(inputs, {"logits": logits, **outputs}, name=f"{model.name}_stream")


def initial_states(
    model: keras.Model, batch: int, size: int | tuple[int, int], pool: Pool = CUMULATIVE
) -> dict[str, Any]:
    """The states before the first frame, zeros, by name.

    model: a causal `build_movinet` model; batch: how many streams; size: of their frames in pixels, or (height, width);
    pool: that of the twin.
    """
    height, width = (size, size) if isinstance(size, int) else size
    return {
        _prefix(layer) + name: ops.zeros(shape, _dtype(name, model))
        for layer, _, shapes in _layer_states(model, pool, batch, height, width)
        for name, shape in shapes.items()
    }


def _layer_states(
    model: keras.Model, pool: Pool, batch: Size, height: Size, width: Size
) -> Iterator[tuple[Any, Pool | None, dict[str, tuple]]]:
    """Each layer before the classifier with its pool and the shapes of its states."""
    stem, *others = [layer for layer in model.layers if hasattr(layer, "state_shapes")]
    if not stem.causal:
        raise InputError(f"{model.name} is not causal and cannot run frame by frame; build it with spec.causal=True")
    yield stem, None, stem.state_shapes(batch, height, width)
    height, width = strided(stem.stride, height, width)
    for layer in others:
        yield layer, pool, layer.state_shapes(batch, height, width, pool)
        height, width = strided(getattr(layer, "stride", 1), height, width)


def _prefix(layer: Any) -> str:
    return f"state_{layer.name}_"


def _dtype(state: str, model: keras.Model) -> str:
    if state.endswith("frame_count"):
        return "int32"
    dtype = model.get_layer("stem").compute_dtype
    return pool_dtype(dtype) if "pool_" in state else dtype


class Stream:
    """A causal network that is given frames as they come; states stay with it, on the device.

    model: a causal `build_movinet` model, whose weights it shares; pool: as for `stream_model`.  One `Stream` follows
    as many videos side by side as the first frames have clips.
    frozen: for one video, a frame at a time, with the published pool, on TensorFlow: the weights as they are now become
    constants of a float32 graph without batch norms, which XLA compiles at the first frame of a
    size, for some seconds.  InputError elsewhere, and for layers that `build_movinet` does not make.
    """

    def __init__(self, model: keras.Model, pool: Pool = CUMULATIVE, frozen: bool = False):
        if frozen and (pool != CUMULATIVE or keras.backend.backend() != "tensorflow"):
            raise InputError("frozen=True is not allowed; allowed: with the pool Cumulative(), on TensorFlow")
        check_movinet(model)
        model = in_float32(model) if frozen else model
        self._model, self._pool, self._frozen = model, pool, frozen
        self._step = _frozen(model) if frozen else _compiled(stream_model(model, pool))
        self.reset()

    def push(self, frames: Any) -> Any:
        """The next frames (B, t, H, W, 3) in [0, 1], t >= 1 -> float32 logits (B, num_classes) after the newest one.

        B, H and W stay what they are until `reset`; ValueError if they do not.
        """
        frames = self.checked(frames)
        if self._states is None:
            self._states = initial_states(self._model, frames.shape[0], frames.shape[2:4], self._pool)
            self._shape = tuple(frames.shape)
        later = self._step({"image": frames, **self._states})
        logits = later.pop("logits")
        self._states, self.frames_seen = later, self.frames_seen + frames.shape[1]
        return logits

    def another(self) -> Stream:
        """A stream beside this one, by the same graph, that has seen no frames."""
        other = copy(self)
        other.reset()
        return other

    def reset(self) -> None:
        """Forgets all frames: the next ones are the first, of any size and number of videos."""
        self._states: dict[str, Any] | None = None
        self._shape: tuple[int, ...] | None = None
        self.frames_seen = 0

    def checked(self, frames: Any) -> Any:
        """The frames as a float32 tensor. Raises ValueError where they are no frames, or do not fit those before."""
        frames = ops.convert_to_tensor(frames)
        shape, dtype = tuple(frames.shape), keras.backend.standardize_dtype(frames.dtype)
        if not keras.backend.is_float_dtype(dtype):
            raise ValueError(f"frames of {dtype} are not allowed; allowed: floats from 0 to 1")
        allowed = "(videos, frames, height, width, 3), each 1 or more"
        fits = len(shape) == 5 and min(shape) >= 1 and shape[-1] == 3
        if self._frozen:
            allowed, fits = "(1, 1, height, width, 3) for a frozen stream", fits and shape[:2] == (1, 1)
        if self._shape is not None:
            batch, _, *size = self._shape
            allowed = f"({batch}, frames, {', '.join(map(str, size))}), as before; reset() for others"
            fits = fits and (shape[0], *shape[2:]) == (batch, *size)
        if not fits:
            raise ValueError(f"frames of shape {shape} are not allowed; allowed: {allowed}")
        return ops.cast(frames, "float32")


def _frozen(model: keras.Model) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The twin for one frame of one video, with its weights as constants."""
    import tensorflow as tf

    from movinet.deploy import xla_forms
    from movinet.deploy.graph import FrameGraph

    graph = FrameGraph(model, forms=xla_forms)

    @tf.function(autograph=False, jit_compile=True)  # without XLA, half of the time is TensorFlow's, between operations
    def step(inputs):
        states = dict(inputs)
        image = states.pop("image")
        logits, later = graph(tf.reshape(image, image.shape[1:]), states)
        return {"logits": logits, **later}

    return step


def _compiled(twin: keras.Model) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The twin as one graph for every shape of its inputs."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # After two numbers of frames at a time, the graph for any number.
        return tf.function(lambda inputs: twin(inputs, training=False), reduce_retracing=True)
    if keras.backend.backend() == "jax":
        import jax  # pyright: ignore[reportMissingImports]

        step = jax.jit(lambda *arguments: twin.stateless_call(*arguments, training=False)[0])
        kinds = ("trainable_variables", "non_trainable_variables")
        return lambda inputs: step(*([v.value for v in getattr(twin, kind)] for kind in kinds), inputs)
    raise InputError(f"Keras backend {keras.backend.backend()!r} is not allowed for streams; allowed: tensorflow, jax")
