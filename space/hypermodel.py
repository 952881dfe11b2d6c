"""A space as a `keras_tuner.HyperModel`, to be searched by any of Keras Tuner's tuners."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner
import numpy as np

from movinet.cost import network_cost
from movinet.model import build_movinet
from movinet.spec import ClipSpec
from space.budget import Budget
from space.space import Space
from space.tuner_bridge import candidate_from, to_keras_tuner


class MovinetHyperModel(keras_tuner.HyperModel):
    """Builds and compiles the network that a tuner's values describe.

    num_classes: the labels are integers below it.  budget: a network over it is a failed trial, before it is built.
    learning_rate: of Adam; a list of rates is tuned along.
    """

    def __init__(
        self, space: Space, num_classes: int, budget: Budget | None = None, learning_rate: float | list[float] = 1e-3
    ):
        super().__init__(name="movinet")
        self.space, self.num_classes, self.budget = space, num_classes, budget
        self.learning_rates = learning_rate if isinstance(learning_rate, list) else [learning_rate]

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Raises keras_tuner's FailedTrialError, with the limit that is broken, for a network over the budget."""
        to_keras_tuner(self.space, hp)
        rate: Any = hp.Choice("learning_rate", self.learning_rates)
        spec = candidate_from(self.space, hp.values).spec()
        if self.budget and (violation := self.budget.violation(network_cost(spec, num_classes=self.num_classes))):
            raise keras_tuner.errors.FailedTrialError(violation)
        model = build_movinet(spec, self.num_classes)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any = None, **arguments: Any) -> Any:
        """Trains on clips (N, T, H, W, 3) in [0, 1], brought to the frames and the resolution of the candidate.

        x and y: arrays; or x alone: a tf.data.Dataset of (clips, labels) in batches, as `movinet.data.tf_dataset` makes
        it.  validation_data: likewise.  Raises keras_tuner's FatalTypeError, which ends the search, for anything else.
        """
        clip = candidate_from(self.space, hp.values).spec().clip
        if (validation := arguments.get("validation_data")) is not None:
            arguments["validation_data"] = fitted(validation, clip)
        return model.fit(*([fitted(x, clip)] if y is None else fitted((x, y), clip)), **arguments)


def fitted(data: Any, clip: ClipSpec) -> Any:
    """Arrays (clips, labels, ...) or a tf.data.Dataset of them, with their clips as `resample` makes them."""
    import tensorflow as tf

    if isinstance(data, (tuple, list)):
        return resample(data[0], clip), *data[1:]
    if not (isinstance(data, tf.data.Dataset) and _holds_clips(data)):
        what = getattr(data, "element_spec", type(data).__name__)
        allowed = "arrays of clips and labels, or a tf.data.Dataset of them in batches, (N, T, H, W, 3) and labels"
        raise keras_tuner.errors.FatalTypeError(f"data={what} is not allowed; allowed: {allowed}")

    def of_batch(clips: Any, *others: Any) -> Any:
        return resampled(clips, clip), *others

    return data.map(of_batch, num_parallel_calls=tf.data.AUTOTUNE)


def _holds_clips(data: Any) -> bool:
    """Whether a dataset's elements are (clips, labels, ...) in batches, as far as it says so."""
    spec = data.element_spec
    return isinstance(spec, tuple) and len(spec) > 1 and spec[0].shape.rank in (None, 5)


def resample(clips: np.ndarray, clip: ClipSpec) -> np.ndarray:
    """Clips (N, T, H, W, 3) at the clip's frames, evenly from the whole, and at its resolution (bilinear)."""
    return np.asarray(resampled(clips, clip))


def resampled(clips: Any, clip: ClipSpec) -> Any:
    """The same as a tensor of TensorFlow, of arrays or tensors of any number of clips and frames."""
    import tensorflow as tf

    batch, there, height, width = (tf.shape(clips)[axis] for axis in range(4))
    places = (np.arange(clip.frames) + 0.5) * tf.cast(there, tf.float64) / clip.frames
    frames = tf.reshape(tf.gather(clips, tf.cast(places, tf.int32), axis=1), (-1, height, width, 3))
    resized = tf.image.resize(frames, (clip.resolution, clip.resolution))
    return tf.reshape(resized, (batch, clip.frames, clip.resolution, clip.resolution, 3))
