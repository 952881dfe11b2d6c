"""SavedModels for TensorFlow: any number of clips, frames and pixels, or constants for one video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export.formats.format import Format

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from movinet.export.job import ExportJob
    from movinet.export.signature import Signature
    from movinet.models.runtime import Call, Tensors


def write(job: ExportJob, signature: Signature, draft: Path) -> None:
    """fixed: `serving_default` alone, of fixed shapes, its weights constants: what converters like best."""
    import tensorflow as tf

    if job.form.fixed:
        tf.saved_model.save(tf.Module(), str(draft), signature.concrete())
    else:
        save_model(job.model, draft, job.streams)


def save_model(
    model: keras.Model, folder: str | Path, streams: bool, image: tuple[int | None, ...] | None = None
) -> None:
    """A SavedModel with `serving_default`, tensors named as in the original's, and for streams `init_states`.

    serving_default takes image (B, T, H, W, 3) and the states, and returns logits (B, classes) and the next states.
    init_states takes the shape of the frames to come as int32 (5,) and returns the states before the first.
    image: fixed sizes where not every size will do.
    """
    import tensorflow as tf

    from movinet.streaming import initial_states, stream_model

    specs = {"image": tf.TensorSpec(image or (None, None, None, None, 3), tf.float32, name="image")}
    served = tf.Module()  # of nothing but variables: keras.export.ExportArchive traces a stream four times, 50 s for A0
    served.variables_of_the_network = [variable.value for variable in model.variables]  # pyright: ignore
    signatures: dict[str, Any] = {}
    if streams:
        twin: Any = stream_model(model)
        specs |= {
            name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
            for name, tensor in twin.input.items()
            if name != "image"
        }
        signatures["init_states"] = _traced(
            lambda input_shape: initial_states(model, input_shape[0], (input_shape[2], input_shape[3])),
            input_shape=tf.TensorSpec((5,), tf.int32, name="input_shape"),
        )
        serve = lambda **inputs: twin(inputs, training=False)  # noqa: E731
    else:
        serve = lambda image: {"logits": model(image, training=False)}  # noqa: E731
    signatures["serving_default"] = _traced(serve, **specs)
    tf.saved_model.save(served, str(folder), signatures)


def _traced(call: Callable[..., Tensors], **specs: tf.TensorSpec) -> Any:
    import tensorflow as tf

    return tf.function(call, autograph=False).get_concrete_function(**specs)


def call(folder: Path) -> tuple[Call, str]:
    """The serving signature of the SavedModel in `folder`."""
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(str(folder))

    def serve(inputs: Tensors) -> Tensors:
        signature = loaded.signatures["serving_default"]  # the variables live as long as what was loaded
        returned = signature(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in returned.items()}

    return serve, "tensorflow"


SAVED_MODEL = Format("", write, call, mark="saved_model.pb", fixed=True, any_layers=True)
