"""Trains an experiment's network in its model folder; after a kill the same call goes on, bit for bit."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.config.typed import ConfigError
from movinet.data.cache import FrameCache
from movinet.data.prepare import prepare
from movinet.experiment import folder as model_folder
from movinet.experiment.folder import History
from movinet.experiment.progress import TrainingProgress
from movinet.experiment.settings import Experiment, RunSettings
from movinet.machine.lock import locked
from movinet.machine.progress import Progress
from movinet.spec import MovinetSpec
from movinet.training.classes import classes_of
from movinet.training.measurement import TrainingDiverged
from movinet.training.model_folder import MODEL, write_weights
from movinet.training.new_model import new_model
from movinet.training.training import Training

if TYPE_CHECKING:
    import keras

    from movinet.training.team import Team

ROLL_BACKS = 5  # at most; each halves the learning rate


def clips_for(experiment: Experiment, progress: Progress) -> FrameCache:
    """The experiment's clips, decoded for training and evaluation."""
    return prepare(experiment.data, experiment.clips(), progress.count, progress.note)


def network(experiment: Experiment, spec: MovinetSpec, classes: int) -> keras.Model:
    """The untrained network, or with the weights that the experiment begins with. Raises CheckpointError."""
    model = new_model(spec, classes, experiment.train)
    if experiment.weights:
        from movinet.weights.load import load_checkpoint

        path = Path(experiment.weights)
        if not path.exists() and not path.with_name(f"{path.name}.index").exists():
            raise ConfigError(f"weights={path} is not allowed; allowed: a checkpoint or a model folder that exists")
        keras_file = path / MODEL
        load_checkpoint(model, keras_file if keras_file.is_file() else path, experiment.head)
    return model


def train(
    experiment: Experiment, folder: str | Path, progress: TrainingProgress, team: Team | None = None
) -> dict[str, Any]:
    """Trains to the last epoch, or until it gets no better, in `folder`; returns what metrics.json holds, if it writes.

    A training that was begun there goes on. Raises ConfigError, TrainingStateError, SourceError and CacheError for bad
    input, TrainingDiverged when the loss is no number and going back does not help.  team: of which process 0 writes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if team and team.rank:
        return _train(experiment, folder, progress, team)
    with locked(folder):
        return _train(experiment, folder, progress, team)


def _train(experiment: Experiment, folder: Path, progress: TrainingProgress, team: Team | None) -> dict[str, Any]:
    clip, train_clip = experiment.clips()
    spec, settings, run = experiment.spec(), experiment.train, experiment.run
    cache = clips_for(experiment, progress)
    classes = classes_of(cache, settings)
    writes = team is None or team.rank == 0
    begun = model_folder.begin(folder, experiment, spec, classes) if writes else True
    model = network(replace(experiment, weights=None) if begun else experiment, spec, len(classes))
    training = Training(model, cache, clip, settings, train_clip, run.ahead, team, run.checkpoint_steps)
    if not begun:
        training.save(folder, asdict(History()))
    if team:
        team.first([0.0])  # the others read what process 0 has just begun
    history = History(**training.load(folder)) if begun else History()
    if begun and not history.stopped and training.epochs_done < settings.epochs:
        progress.note(f"going on after {training.epochs_done} epochs and {training.steps_done} steps")
    session = _Session(training, folder, run, history, progress)
    while training.epochs_done < settings.epochs and not history.stopped:
        session.epoch(spec, len(classes))
    metrics: dict[str, Any] = {}
    if writes:
        val_clips = len(cache.index("val"))
        metrics = model_folder.write_metrics(folder, history, spec, len(classes), val_clips, finished=True)
    if team:
        team.first([0.0])  # none leaves before the last file is written
    return metrics


class _Session:
    """One process's part of a training: its epochs, their checkpoints and logs."""

    def __init__(
        self, training: Training, folder: Path, run: RunSettings, history: History, progress: TrainingProgress
    ):
        self.training, self.folder, self.run = training, folder, run
        self.history, self.progress = history, progress
        self.writes = training.team is None or training.team.rank == 0
        self.total = training.settings.epochs * training.steps_per_epoch
        self.summaries: Any = None  # TensorBoard's file, one for each start of the command

    def epoch(self, spec: MovinetSpec, classes: int) -> None:
        """Trains for what is left of an epoch; goes back where the loss is no number."""
        training, history = self.training, self.history
        try:
            measured = training.epoch(self._step)
            self._require_finite(measured.val_loss)
        except TrainingDiverged as error:
            self._roll_back(error)
            return
        best = history.add(measured, float(training.optimizer.optimizer.learning_rate))
        self.progress.epoch(measured, training.settings.epochs, best)
        patience = self.run.patience
        if patience and measured.epoch - history.best["epoch"] >= patience:
            history.stopped = f"no better for {patience} epochs"
            self.progress.note(f"stopped: {history.stopped}")
        if not self.writes:
            return
        if best:
            write_weights(self.folder, training)
        model_folder.write_log(self.folder, history)
        val_clips = len(training.cache.index("val"))
        model_folder.write_metrics(self.folder, history, spec, classes, val_clips, finished=False)
        self._tensorboard(history.epochs[-1])
        training.save(self.folder, asdict(history))

    def _step(self) -> None:
        training = self.training
        done = training.epochs_done * training.steps_per_epoch + training.steps_done
        self.progress.step(done, self.total, training.steps_per_epoch)
        if training.steps_done % self.run.checkpoint_steps == 0 and training.steps_done < training.steps_per_epoch:
            self._require_finite()
            if not self.writes:
                return
            training.save(self.folder, asdict(self.history))

    def _require_finite(self, loss: float = 0.0) -> None:
        if not math.isfinite(loss) or not self.training.finite:
            raise TrainingDiverged(f"weights or val_loss are no numbers in epoch {len(self.history.epochs) + 1}")

    def _roll_back(self, error: TrainingDiverged) -> None:
        """To the last checkpoint, with half the learning rate. Raises TrainingDiverged when that is no use."""
        if self.run.on_divergence == "stop" or self.history.roll_backs >= ROLL_BACKS:
            raise error
        training, rolled = self.training, self.history.roll_backs + 1
        self.history.__dict__.update(training.load(self.folder))
        self.history.roll_backs = rolled
        training.rate_scale.assign(0.5**rolled)
        if self.writes:
            training.save(self.folder, asdict(self.history))
        self.progress.note(f"{error.reason}: back to the last checkpoint, with {0.5**rolled:g} of the learning rate")

    def _tensorboard(self, row: dict[str, Any]) -> None:
        import tensorflow as tf

        self.summaries = self.summaries or tf.summary.create_file_writer(str(self.folder / "tensorboard"))
        with self.summaries.as_default(row["epoch"] * self.training.steps_per_epoch):
            for name, value in row.items():
                if value is not None and name != "epoch":
                    tf.summary.scalar(name, value)
        self.summaries.flush()
