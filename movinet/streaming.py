"""A causal network frame by frame: its twin with states in and out, sharing every weight.

State names are Model Garden's: state_block{b}_layer{l}_stream_buffer, ..._pool_buffer, ..._pool_frame_count,
..._pos_enc_frame_count, state_head_pool_buffer, state_head_pool_frame_count.  All are zeros before the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from movinet.layers.forms import strided

ops: Any = keras.ops  # its inferred types are unions over backends

Size = int | None


@keras.saving.register_keras_serializable(package="movinet")
class Continued(keras.layers.Layer):
    """A layer of a model that goes on from states.

    Call arguments: x, what the layer takes; states, by name, of the layer's `state_shapes`.  Returns the layer's result
    and the next states.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, x, states, training=False):
        return self.layer(x, states, training=training)

    def compute_output_spec(self, x, states, training=False):
        later = {name: keras.KerasTensor(state.shape, dtype=state.dtype) for name, state in states.items()}
        return self.layer.compute_output_spec(x), later

    def get_config(self):
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})


def stream_model(model: keras.Model) -> keras.Model:
    """The twin of a causal `build_movinet` model that goes on where its last call ended.

    Takes {"image": (B, t, H, W, 3), **states} for any t >= 1; returns {"logits": (B, num_classes), **next states},
    the logits after the newest frame.  Shares the model's weights.  ValueError for a network that is not causal.
    """
    image = keras.Input((None, None, None, 3), name="image")
    inputs, outputs, x = {"image": image}, {}, image
    for layer, shapes in _layer_states(model, None, None, None):
        prefix = _prefix(layer)
        states = {
            name: keras.Input(batch_shape=shape, dtype=_dtype(name, model), name=prefix + name)
            for name, shape in shapes.items()
        }
        x, later = Continued(layer, name=layer.name, dtype=layer.dtype_policy)(x, states)
        inputs.update({prefix + name: state for name, state in states.items()})
        outputs.update({prefix + name: state for name, state in later.items()})
    logits = model.get_layer("classifier_head")(x)
    return keras.Model(inputs, {"logits": logits, **outputs}, name=f"{model.name}_stream")


def initial_states(model: keras.Model, batch: int, size: int | tuple[int, int]) -> dict[str, Any]:
    """The states before the first frame, zeros, by name.

    model: a causal `build_movinet` model; batch: how many streams; size: of their frames in pixels, or (height, width).
    """
    height, width = (size, size) if isinstance(size, int) else size
    return {
        _prefix(layer) + name: ops.zeros(shape, _dtype(name, model))
        for layer, shapes in _layer_states(model, batch, height, width)
        for name, shape in shapes.items()
    }


def _layer_states(model: keras.Model, batch: Size, height: Size, width: Size) -> Iterator[tuple[Any, dict[str, tuple]]]:
    """Each layer before the classifier with the shapes of its states."""
    stem, *others = [layer for layer in model.layers if hasattr(layer, "state_shapes")]
    if not stem.causal:
        raise ValueError(f"{model.name} is not causal and cannot run frame by frame; build it with spec.causal=True")
    for layer in [stem, *others]:
        yield layer, layer.state_shapes(batch, height, width)
        height, width = strided(getattr(layer, "stride", 1), height, width)


def _prefix(layer: Any) -> str:
    return f"state_{layer.name}_"


def _dtype(state: str, model: keras.Model) -> str:
    return "int32" if state.endswith("frame_count") else model.get_layer("stem").compute_dtype
