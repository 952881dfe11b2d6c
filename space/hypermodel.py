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

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any, **arguments: Any) -> Any:
        """Trains on x, clips (N, T, H, W, 3) in [0, 1], brought to the frames and the resolution of the candidate."""
        clip = candidate_from(self.space, hp.values).spec().clip
        if validation := arguments.get("validation_data"):
            arguments["validation_data"] = (resample(validation[0], clip), *validation[1:])
        return model.fit(resample(x, clip), y, **arguments)


def resample(clips: np.ndarray, clip: ClipSpec) -> np.ndarray:
    """Clips (N, T, H, W, 3) at the clip's frames, evenly from the whole, and at its resolution (bilinear)."""
    chosen = (np.arange(clip.frames) + 0.5) * clips.shape[1] / clip.frames
    frames = clips[:, chosen.astype(int)].reshape(-1, *clips.shape[2:])
    resized = keras.ops.image.resize(frames, (clip.resolution, clip.resolution), data_format="channels_last")
    shape = (len(clips), clip.frames, clip.resolution, clip.resolution, 3)
    return np.asarray(keras.ops.convert_to_numpy(resized)).reshape(shape)
