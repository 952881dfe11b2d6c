"""Trains one network on a frame cache, epoch by epoch: what a search's trial and a family member's training share.

The model is Keras'; the step around it is one TensorFlow graph, since for small networks a step is mostly overhead.
TensorFlow and Keras are imported when a training begins, so that settings can be read and checked without them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from movinet.config.errors import InputError
from movinet.data.batching.pipeline import Batch, batches
from movinet.data.cache import FrameCache
from movinet.evaluation.metrics import mean_average_precision
from movinet.spec import ClipSpec
from movinet.training.checkpoint import CHECKPOINT, read_checkpoint, write_checkpoint
from movinet.training.classes import class_weights, members_of
from movinet.training.measurement import Measurement, Score, TrainingDiverged
from movinet.training.settings import TrainSettings

if TYPE_CHECKING:
    import keras

    from movinet.training.team import Team


STEPS_AT_ONCE = 16  # at most; with fewer a small network's steps cost more
EVALUATION_BATCH = 40  # clips at most, where training's batches are smaller
BYTES_AT_ONCE, BYTES_KEPT = 24 * 2**20, 128 * 2**20  # of clips in one call of a graph; of a split that is cut once


def clip_bytes(clip: ClipSpec) -> int:
    """Of one clip as the network takes it, float32."""
    return 4 * clip.frames * clip.resolution**2 * 3


class Training:
    """A network in training on the cache's "train" split, measured on "val"; `epoch` is called once per epoch.

    Order, augmentation and dropout are functions of (settings.seed, epoch), so a training loaded from a checkpoint
    goes on exactly as the one that wrote it would have.  train_clip: what is trained on, if not `clip`.  ahead: batches
    made beforehand, each on a thread of its own.  rate_scale: a factor on the learning rate.  team: the processes that
    train together, this one a share of each batch; all must make the same calls.
    On a CPU several steps are one call of a graph; never beyond a step of an epoch that `pause` divides.
    """

    def __init__(
        self,
        model: keras.Model,
        cache: FrameCache,
        clip: ClipSpec,
        settings: TrainSettings,
        train_clip: ClipSpec | None = None,
        ahead: int = 0,
        team: Team | None = None,
        pause: int | None = None,
    ):
        import keras
        import tensorflow as tf

        from movinet.training.loss import Loss
        from movinet.training.optimizer import new_optimizer
        from movinet.training.step import TrainingSteps, evaluation_step

        self.model, self.cache, self.clip, self.settings = model, cache, clip, settings
        self.train_clip, self.ahead, self.team = train_clip or clip, ahead, team
        self.epochs_done = self.steps_done = 0  # steps: of the epoch under way
        self._sums = np.zeros(3)  # clips, loss, accuracy of those steps
        self._pending: Any = None  # the newest results, (K, 2)
        self._kept: dict[str, list[Batch]] = {}  # splits that are measured on
        counts = {split: len(cache.index(split)) for split in ("train", "val")}
        for split, count in counts.items():
            if not count:
                raise InputError(f"{cache.folder}: no clips of split {split!r}; training needs train and val")
        self.batch_size = min(settings.batch_size, counts["train"])
        if team and self.batch_size % team.size:
            raise InputError(
                f"a batch of {self.batch_size} clips has no equal shares for {team.size} workers; "
                "allowed: a train.batch_size, and so many clips, that the workers divide"
            )
        self.steps_per_epoch = counts["train"] // self.batch_size
        self.rate_scale = keras.Variable(1.0, trainable=False)
        weights = model.trainable_variables
        self.optimizer = new_optimizer(settings, self.steps_per_epoch, weights, self.rate_scale, team)
        self.members = members_of(cache, settings)
        loss = Loss(settings.label_smoothing, self.members, class_weights(cache, settings))
        looped = team is None and not tf.config.list_physical_devices("GPU")
        at_once = BYTES_AT_ONCE // (self.batch_size * clip_bytes(self.train_clip))
        self.pause, self.steps_at_once = pause, max(1, min(STEPS_AT_ONCE, at_once)) if looped else 1
        self._train_steps = TrainingSteps(model, self.optimizer, loss, looped)
        self._evaluation_step = evaluation_step(model, loss)

    def epoch(self, on_step: Callable[[], None] | None = None) -> Measurement:
        """Trains once over the training clips, or what is left of them, then measures.

        on_step: called between calls of the graph, after each step that `pause` divides at least.  Raises
        TrainingDiverged when a loss is bad.
        """
        from movinet.training.randomness import reseed

        settings, epoch = self.settings, self.epochs_done
        if epoch >= settings.epochs:
            raise ValueError(f"all {settings.epochs} epochs are done: the learning rate has come to its end")
        if not self.steps_done:
            reseed(self.model, settings.seed, epoch, self._rank)
        self.optimizer.read()
        began = time.perf_counter()
        waited = self._train(on_step)
        trained = time.perf_counter()
        score = self.evaluate()
        clips, loss, accuracy = self._sums.tolist()
        self.epochs_done, self.steps_done, self._sums = epoch + 1, 0, np.zeros(3)
        return Measurement(
            epoch=self.epochs_done,
            loss=loss / clips,
            accuracy=accuracy / clips,
            val_loss=score.loss,
            val_accuracy=score.accuracy,
            train_seconds=trained - began,
            eval_seconds=time.perf_counter() - trained,
            val_top5=score.top5,
            val_map=score.map,
            data_seconds=waited,
        )

    def _train(self, on_step: Callable[[], None] | None) -> float:
        """The steps of this epoch that are not done; returns the seconds in which there was no batch to train on.

        A result is looked at when the next call is under way, so that a GPU need not wait.
        """
        settings, waited = self.settings, 0.0
        train: Iterator[Batch] = batches(
            self.cache,
            "train",
            self.train_clip,
            self.batch_size,
            settings.seed,
            self.epochs_done,
            settings.augment,
            ahead=self.ahead,
            mixing=settings.mixing,
            first=self.steps_done,
            share=(self.team.rank, self.team.size) if self.team else (0, 1),
            together=self._calls(),
        )
        while True:
            began = time.perf_counter()
            batch = next(train, None)
            waited += time.perf_counter() - began
            if batch is None:
                self._settle()
                return waited
            clips, labels = batch
            results = self._train_steps(clips, labels)
            self._settle()
            self._pending = results
            self.steps_done += len(clips)
            if on_step:
                on_step()

    def _calls(self) -> list[int]:
        """How many steps each call of the graph does, of those of this epoch that are left."""
        ends, pause = [self.steps_done], self.pause or self.steps_per_epoch
        while (done := ends[-1]) < self.steps_per_epoch:
            ends.append(min(done + self.steps_at_once, done - done % pause + pause, self.steps_per_epoch))
        return np.diff(ends).tolist()

    def _settle(self) -> None:
        """Counts the newest results. Raises TrainingDiverged."""
        if self._pending is None:
            return
        results, self._pending = self._pending.numpy().tolist(), None
        for loss, accuracy in results:
            if not math.isfinite(loss):
                step = round(self._sums[0] / self.batch_size) + 1
                raise TrainingDiverged(f"loss is {loss} at step {step} of epoch {self.epochs_done + 1}")
            self._sums += (self.batch_size, self.batch_size * loss, self.batch_size * accuracy)

    def evaluate(self, split: str = "val") -> Score:
        """The means of the centre clips of a split, with the averaged weights if there are."""
        results, scores, wanted = [], [], []
        size, of_split = self._evaluation_batches(split)
        with self.optimizer.averaged():
            for clips, labels in of_split:
                count = len(labels)
                if count < size:  # filled up, since another batch size would be another graph
                    clips, labels = np.resize(clips, (size, *clips.shape[1:])), np.resize(labels, size)
                *values, logits = (value.numpy()[:count] for value in self._evaluation_step(clips, labels))
                results.append([count, *(float(np.mean(value)) for value in values)])
                if self.members is not None:
                    scores.append(logits)
                    wanted.append(self.members[labels[:count]])
        counts, *columns = np.array(results).T
        loss, *shares = (float(np.average(column, weights=counts)) for column in columns)
        clips = int(counts.sum())
        accuracy, top5 = (round(share * clips) / clips for share in shares)  # so that equal counts are equal numbers
        precision = mean_average_precision(np.concatenate(scores), np.concatenate(wanted)) if scores else None
        if self.team is None:
            return Score(loss, accuracy, top5, precision)
        loss, accuracy, top5, mean_precision = self.team.first([loss, accuracy, top5, precision or 0.0])
        return Score(loss, accuracy, top5, None if precision is None else mean_precision)

    def _evaluation_batches(self, split: str) -> tuple[int, Iterable[Batch]]:
        """Their size, and the batches: larger than training's where clips are small, cut once where they are few."""
        clips, clip = len(self.cache.index(split)), clip_bytes(self.clip)
        size = min(clips, max(self.batch_size, min(EVALUATION_BATCH, BYTES_AT_ONCE // clip)))
        if (kept := self._kept.get(split)) is not None:
            return size, kept
        made = batches(self.cache, split, self.clip, size, shuffle=False, drop_last=False)
        if clips * clip > BYTES_KEPT:
            return size, made
        self._kept[split] = [*made]
        return size, self._kept[split]

    def save(self, folder: str | Path, notes: dict[str, Any] | None = None) -> None:
        """Writes weights, optimizer, random states and progress to `folder`/training.npz, whole or not at all.

        notes: plain data that `load` gives back.  Between two steps of an epoch it may be called, too.
        """
        self._settle()
        arrays: dict[str, Any] = {name: variable.numpy() for name, variable in self._variables().items()}
        state = {"epochs_done": self.epochs_done, "steps_done": self.steps_done, "sums": self._sums.tolist()}
        state |= {"settings": asdict(self.settings), "notes": notes or {}}
        write_checkpoint(Path(folder, CHECKPOINT), arrays, state)

    def load(self, folder: str | Path) -> dict[str, Any]:
        """Goes on where `save` was called; returns its notes.

        Raises TrainingStateError unless it is of the same network and settings.
        """
        from movinet.training.randomness import reseed

        variables = self._variables()
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        arrays, state = read_checkpoint(Path(folder, CHECKPOINT), shapes, self.settings)
        for name, variable in variables.items():
            variable.assign(arrays[name])
        self.epochs_done, self.steps_done = state["epochs_done"], state["steps_done"]
        self._sums, self._pending = np.array(state["sums"]), None
        if self._rank:  # the states in the file are those of the process that wrote it
            reseed(self.model, self.settings.seed, self.epochs_done, self._rank, go_on=True)
        return state["notes"]

    @property
    def _rank(self) -> int:
        return self.team.rank if self.team else 0

    @property
    def finite(self) -> bool:
        """Whether all weights and the optimizer's state are numbers: a good loss may have had bad gradients."""
        return all(np.isfinite(variable.numpy()).all() for variable in self._variables().values())

    def _variables(self) -> dict[str, Any]:
        """All that training changes, by the names in a checkpoint."""
        from movinet.training.randomness import random_states

        groups = {"weight": self.model.weights, "optimizer": self.optimizer.variables}
        groups |= {"random": random_states(self.model), "rate_scale": [self.rate_scale]}
        return {f"{name}{index}": variable for name, group in groups.items() for index, variable in enumerate(group)}
