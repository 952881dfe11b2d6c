"""Trains one network on a frame cache, epoch by epoch: what a search's trial and a family member's training share.

The model is Keras'; the step around it is one TensorFlow graph, since for small networks a step is mostly overhead.
TensorFlow and Keras are imported when a training begins, so that settings can be read and checked without them.
"""

from __future__ import annotations

import json
import math
import os
import time
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from movinet.data.augment import Augment
from movinet.data.cache import FrameCache
from movinet.data.pipeline import Batch, batches
from movinet.spec import ClipSpec, MovinetSpec

if TYPE_CHECKING:
    import keras

OptimizerName = Literal["adamw", "sgd", "rmsprop"]
Precision = Literal["float32", "mixed_bfloat16"]
CHECKPOINT = "training.npz"


class TrainingDiverged(ArithmeticError):
    """The loss is infinite or not a number; going on is useless. `reason` says where."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or of another network or schedule."""


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained. The learning rate rises linearly for `warmup` of all steps, then falls as a cosine.

    optimizer: adamw; sgd (Nesterov, 0.9); or rmsprop as the published models (rho 0.9, momentum 0.9, epsilon 1).
    weight_decay: decoupled, of kernels only.  clip_norm: of all gradients together, null for none.
    dropout: before the classifier; stochastic_depth: of the last layer (arXiv:2103.11511's Model Garden recipe: 0.2).
    batch_norm_momentum: 0.99 needs thousands of steps.  augment: null for the centre of every clip.
    """

    epochs: int = 6
    batch_size: int = 8
    optimizer: OptimizerName = "adamw"
    learning_rate: float = 0.006
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    label_smoothing: float = 0.0
    dropout: float = 0.0
    stochastic_depth: float = 0.0
    batch_norm_momentum: float = 0.9
    precision: Precision = "float32"
    augment: Augment | None = field(default_factory=Augment)
    seed: int = 0

    def __post_init__(self):
        if isinstance(self.augment, dict):  # as `dataclasses.asdict` leaves it
            object.__setattr__(self, "augment", Augment(**self.augment))
        for name, low in {"epochs": 1, "batch_size": 1, "seed": 0}.items():
            value = getattr(self, name)
            self._require(isinstance(value, int) and value >= low, name, f"an integer >= {low}")
        self._require(self.optimizer in get_args(OptimizerName), "optimizer", ", ".join(get_args(OptimizerName)))
        self._require(self.precision in get_args(Precision), "precision", ", ".join(get_args(Precision)))
        self._require(0 < self.learning_rate < math.inf, "learning_rate", "a number > 0")
        self._require(0 <= self.weight_decay < math.inf, "weight_decay", "a number >= 0")
        self._require(self.clip_norm is None or 0 < self.clip_norm < math.inf, "clip_norm", "a number > 0, or null")
        for name in ("warmup", "label_smoothing", "dropout", "stochastic_depth", "batch_norm_momentum"):
            self._require(0 <= getattr(self, name) < 1, name, "a number >= 0 and < 1")

    def _require(self, ok: bool, name: str, allowed: str) -> None:
        if not ok:
            raise ValueError(f"TrainSettings.{name}={getattr(self, name)!r} is not allowed; allowed: {allowed}")


@dataclass(frozen=True)
class Measurement:
    """One epoch: mean loss and accuracy of the training batches as they came, then of the whole validation split.

    loss has label smoothing and val_loss has not.  epoch counts from 1.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    train_seconds: float
    eval_seconds: float


def new_model(spec: MovinetSpec, num_classes: int, settings: TrainSettings) -> keras.Model:
    """The untrained network of `spec` with the settings' dropout, precision etc.; weights are decided by the seed."""
    import keras

    from movinet.model import build_movinet

    keras.utils.set_random_seed(settings.seed)
    return build_movinet(
        spec,
        num_classes,
        settings.dropout,
        settings.stochastic_depth,
        settings.batch_norm_momentum,
        settings.precision,
    )


class Training:
    """A network in training on the cache's "train" split, measured on "val"; `epoch` is called once per epoch.

    Order, augmentation and dropout are functions of (settings.seed, epoch), so a training loaded from a checkpoint
    goes on exactly as the one that wrote it would have.
    """

    def __init__(self, model: keras.Model, cache: FrameCache, clip: ClipSpec, settings: TrainSettings):
        from movinet.train_step import evaluation_step, new_optimizer, training_step

        self.model, self.cache, self.clip, self.settings = model, cache, clip, settings
        self.epochs_done = 0
        counts = {split: len(cache.index(split)) for split in ("train", "val")}
        for split, count in counts.items():
            if not count:
                raise ValueError(f"{cache.folder}: no clips of split {split!r}; training needs train and val")
        self.batch_size = min(settings.batch_size, counts["train"])
        self.optimizer = new_optimizer(settings, counts["train"] // self.batch_size, model.trainable_variables)
        self._train_step = training_step(model, self.optimizer, settings.label_smoothing)
        self._evaluation_step = evaluation_step(model)

    def epoch(self) -> Measurement:
        """Trains once over the training clips, then measures. Raises TrainingDiverged at the first bad loss."""
        from movinet.train_step import reseed

        settings, epoch = self.settings, self.epochs_done
        if epoch >= settings.epochs:
            raise ValueError(f"all {settings.epochs} epochs are done: the learning rate has come to its end")
        reseed(self.model, settings.seed, epoch)
        self.optimizer.read()
        began = time.perf_counter()
        train = batches(self.cache, "train", self.clip, self.batch_size, settings.seed, epoch, settings.augment)
        loss, accuracy = _mean(self._results(train))
        trained = time.perf_counter()
        val_loss, val_accuracy = self.evaluate()
        self.epochs_done += 1
        return Measurement(
            self.epochs_done, loss, accuracy, val_loss, val_accuracy, trained - began, time.perf_counter() - trained
        )

    def evaluate(self, split: str = "val") -> tuple[float, float]:
        """Mean loss and accuracy of the centre clips of a split."""
        size = self.batch_size
        results = []
        for clips, labels in batches(self.cache, split, self.clip, size, shuffle=False, drop_last=False):
            count = len(labels)
            if count < size:  # filled up, since another batch size would be another graph
                clips, labels = np.resize(clips, (size, *clips.shape[1:])), np.resize(labels, size)
            losses, hits = self._evaluation_step(clips, labels)
            results.append((count, float(np.mean(losses[:count])), float(np.mean(hits[:count]))))
        return _mean(results)

    def _results(self, train: Iterable[Batch]) -> Iterator[tuple[int, float, float]]:
        """Trains on each batch; looks at a result when the next step is under way, so that a GPU need not wait."""
        pending: tuple[int, Any, Any] | None = None
        for step, (clips, labels) in enumerate(train, 1):
            result = (len(labels), *self._train_step(clips, labels))
            if pending:
                yield self._checked(*pending, step - 1)
            pending = result
        if pending:
            yield self._checked(*pending, step)

    def _checked(self, count: int, loss: Any, accuracy: Any, step: int) -> tuple[int, float, float]:
        if not math.isfinite(loss := float(loss)):
            raise TrainingDiverged(f"loss is {loss} at step {step} of epoch {self.epochs_done + 1}")
        return count, loss, float(accuracy)

    def save(self, folder: str | Path) -> None:
        """Writes weights, optimizer and epoch to `folder`/training.npz, whole or not at all."""
        arrays: dict[str, Any] = {f"weight{i}": np.asarray(weight) for i, weight in enumerate(self.model.weights)}
        arrays |= {f"optimizer{i}": np.asarray(variable) for i, variable in enumerate(self.optimizer.variables)}
        state = json.dumps({"epochs_done": self.epochs_done, "settings": asdict(self.settings)})
        arrays["state"] = np.frombuffer(state.encode(), np.uint8)
        path = Path(folder, CHECKPOINT)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)

    def load(self, folder: str | Path) -> None:
        """Goes on where `save` was called. Raises CheckpointError unless it is of the same network and settings."""
        path = Path(folder, CHECKPOINT)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            state = json.loads(arrays.pop("state").tobytes())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"{path}: no readable checkpoint ({error})") from error
        if state["settings"] != (mine := json.loads(json.dumps(asdict(self.settings)))):
            name = next(name for name in mine if state["settings"].get(name) != mine[name])
            raise CheckpointError(f"{path}: written with train.{name}={state['settings'].get(name)}, not {mine[name]}")
        variables = {f"weight{i}": weight for i, weight in enumerate(self.model.weights)}
        variables |= {f"optimizer{i}": variable for i, variable in enumerate(self.optimizer.variables)}
        shapes, found = ({n: tuple(a.shape) for n, a in group.items()} for group in (variables, arrays))
        if shapes != found:
            raise CheckpointError(f"{path}: of another network: {len(found)} arrays, here {len(shapes)}")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        self.epochs_done = state["epochs_done"]


def _mean(results: Iterable[tuple[int, float, float]]) -> tuple[float, float]:
    """Means of loss and accuracy, weighted by the count each comes with."""
    counts, losses, accuracies = zip(*results, strict=True)
    return float(np.average(losses, weights=counts)), float(np.average(accuracies, weights=counts))
