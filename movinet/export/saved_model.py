"""SavedModels for TensorFlow: any number of clips, frames and pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
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
        states = {
            name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
            for name, tensor in zip(twin.input, twin.inputs, strict=True)
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


def saved_model_call(folder: Path) -> Callable[[Tensors], Tensors]:
    """The serving signature of the SavedModel in `folder`, on arrays."""
    loaded: Any = tf.saved_model.load(str(folder))
    serve = loaded.signatures["serving_default"]

    def call(inputs: Tensors) -> Tensors:
        returned = serve(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in returned.items()}

    call.owner = loaded  # type: ignore[attr-defined]  # its variables live as long as it does
    return call
