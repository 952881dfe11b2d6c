"""How a network is trained, as data: read and checked without TensorFlow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from movinet.config.errors import InputError
from movinet.config.typed import ConfigError
from movinet.data.batching.augment import Augment
from movinet.data.batching.mixing import Mixing

OptimizerName = Literal["adamw", "sgd", "rmsprop"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained. The learning rate rises linearly for `warmup` of all steps, then falls as a cosine.

    horizon: epochs that the learning rate is planned for, where a training ends before; null for `epochs`.
    optimizer: adamw; sgd (Nesterov, 0.9); or rmsprop as the published models (rho 0.9, momentum 0.9, epsilon 1).
    weight_decay: decoupled, of kernels only.  clip_norm: of all gradients together, null for none.
    accumulate: batches whose mean gradient makes one update.  average: decay of an average of the weights over the
    updates, which is what is measured and kept (0.9999); null for none.
    layer_decay: each layer's learning rate is this times that of the next one; the classifier's is the full one.
    freeze_until: the layer up to which nothing is trained ("block2", say); null for none.
    dropout: before the classifier; stochastic_depth: of the last layer (arXiv:2103.11511's Model Garden recipe: 0.2).
    batch_norm_momentum: 0.99 needs thousands of steps.  rezero: what ReZero's scalars start from; with 0, as published,
    short trainings end before the branches have opened.  augment: null for the centre of every clip.
    class_weights: factors on the loss by class name, 1 for others; or balanced, so that rare classes count as much.
    multi_label: labels are lists such as "run|jump"; each class is a yes or no of its own.
    """

    epochs: int = 6
    horizon: int | None = None
    batch_size: int = 8
    optimizer: OptimizerName = "adamw"
    learning_rate: float = 0.006
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    accumulate: int = 1
    average: float | None = None
    layer_decay: float = 1.0
    freeze_until: str | None = None
    label_smoothing: float = 0.0
    class_weights: Literal["balanced"] | dict | None = None
    multi_label: bool = False
    dropout: float = 0.0
    stochastic_depth: float = 0.0
    batch_norm_momentum: float = 0.9
    rezero: float = 0.0
    precision: Precision = "float32"
    augment: Augment | None = field(default_factory=Augment)
    mixing: Mixing | None = None
    seed: int = 0

    def __post_init__(self):
        for name, kind in {"augment": Augment, "mixing": Mixing}.items():
            if isinstance(value := getattr(self, name), dict):  # as `dataclasses.asdict` leaves it
                object.__setattr__(self, name, kind(**value))
        if isinstance(self.class_weights, dict):  # in YAML a class called 1 is a number
            object.__setattr__(self, "class_weights", {str(name): w for name, w in self.class_weights.items()})
        for name, low in {"epochs": 1, "batch_size": 1, "accumulate": 1, "seed": 0}.items():
            value = getattr(self, name)
            self._require(isinstance(value, int) and value >= low, name, f"an integer >= {low}")
        planned = self.horizon is None or (isinstance(self.horizon, int) and self.horizon >= self.epochs)
        self._require(planned, "horizon", f"an integer >= epochs, here {self.epochs}, or null")
        self._require(self.optimizer in get_args(OptimizerName), "optimizer", ", ".join(get_args(OptimizerName)))
        self._require(self.precision in get_args(Precision), "precision", ", ".join(get_args(Precision)))
        self._require(0 < self.learning_rate < math.inf, "learning_rate", "a number > 0")
        self._require(0 <= self.weight_decay < math.inf, "weight_decay", "a number >= 0")
        self._require(self.clip_norm is None or 0 < self.clip_norm < math.inf, "clip_norm", "a number > 0, or null")
        self._require(self.average is None or 0 < self.average < 1, "average", "a number > 0 and < 1, or null")
        self._require(0 <= self.rezero <= 1, "rezero", "a number >= 0 and <= 1")
        self._require(0 < self.layer_decay <= 1, "layer_decay", "a number > 0 and <= 1")
        for name in ("warmup", "label_smoothing", "dropout", "stochastic_depth", "batch_norm_momentum"):
            self._require(0 <= getattr(self, name) < 1, name, "a number >= 0 and < 1")
        self._require(_are_weights(self.class_weights), "class_weights", "balanced, null, or {class: a number > 0}")

    def require_stage(self, blocks: int) -> None:
        """Raises ConfigError unless `freeze_until` is a stage of a network of so many blocks, or null."""
        stages = ["stem", *(f"block{index}" for index in range(blocks)), "head"]
        if (until := self.freeze_until) is not None and until not in stages:
            raise ConfigError(f"train.freeze_until={until} is not allowed; allowed: {', '.join(stages)}, null")

    def _require(self, ok: bool, name: str, allowed: str) -> None:
        if not ok:
            raise InputError(f"TrainSettings.{name}={getattr(self, name)!r} is not allowed; allowed: {allowed}")


def _are_weights(value: Any) -> bool:
    numbers = value.values() if isinstance(value, dict) else ()
    return all(type(number) in (int, float) and 0 < number < math.inf for number in numbers)
