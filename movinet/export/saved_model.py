"""SavedModels for TensorFlow: any number of clips, frames and pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from movinet.export.signature import Tensors
from movinet.streaming import initial_states, stream_model


def save_model(
    model: keras.Model, folder: str | Path, streams: bool, image: tuple[int | None, ...] | None = None
) -> None:
    """A SavedModel with `serving_default`, tensors named as in the original's, and for streams `init_states`.

    serving_default takes image (B, T, H, W, 3) and the states, and returns logits (B, classes) and the next states.
    init_states takes the shape of the frames to come as int32 (5,) and returns the states before the first.
    image: fixed sizes where not every size will do.
    """
    clip = tf.TensorSpec(image or (None, None, None, None, 3), tf.float32, name="image")
    archive: Any = keras.export.ExportArchive()
    if streams:
        twin = stream_model(model)
        inputs: Any = twin.input
        states = {
            name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
            for name, tensor in inputs.items()
            if name != "image"
        }
        archive.track(twin)
        archive.add_endpoint(
            "serving_default", lambda inputs: twin(inputs, training=False), [{"image": clip, **states}]
        )
        shape = tf.TensorSpec((5,), tf.int32, name="input_shape")
        archive.add_endpoint(
            "init_states", lambda shape: initial_states(model, shape[0], (shape[2], shape[3])), [shape]
        )
    else:
        archive.track(model)
        call = lambda inputs: {"logits": model(inputs["image"], training=False)}  # noqa: E731
        archive.add_endpoint("serving_default", call, [{"image": clip}])
    archive.write_out(str(folder), verbose=False)


def saved_model_call(folder: Path) -> tuple[Callable[[Tensors], Tensors], str]:
    """The serving signature of the SavedModel in `folder`, on arrays; and the runtime's name."""
    loaded: Any = tf.saved_model.load(str(folder))

    def call(inputs: Tensors) -> Tensors:
        serve = loaded.signatures["serving_default"]  # the variables live as long as what was loaded
        returned = serve(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in returned.items()}

    return call, "tensorflow"


def keras_call(file: Path) -> tuple[Callable[[Tensors], Tensors], str]:
    """The network in a .keras file, on arrays; and the runtime's name."""
    loaded: Any = keras.models.load_model(file, compile=False)
    return lambda inputs: {"logits": np.asarray(loaded(inputs["image"], training=False))}, "keras"
