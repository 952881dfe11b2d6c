"""Measures the checkpoints of a training beside it: the mode eval_continuous."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path

from movinet.config.typed import ConfigError
from movinet.experiment.folder import CONFIG, History
from movinet.experiment.session import clips_for, network
from movinet.experiment.settings import Experiment
from movinet.machine.progress import Progress
from movinet.training.checkpoint import CHECKPOINT
from movinet.training.classes import classes_of
from movinet.training.training import Training


def evaluate_continuously(experiment: Experiment, folder: str | Path, progress: Progress, poll: float = 10.0) -> None:
    """Measures the newest epoch's checkpoint in `folder` until the training's last; rows in continuous.csv.

    poll: seconds between looks; shorter epochs are left out.  An epoch that has its row is not measured again.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise ConfigError(f"{folder}: no training was begun here; allowed: the --model_dir of one")
    clip, train_clip = experiment.clips()
    spec = experiment.spec()
    cache = clips_for(experiment, progress)
    model = network(replace(experiment, weights=None), spec, len(classes_of(cache, experiment.train)))
    training = Training(model, cache, clip, experiment.train, train_clip)
    path = folder / "continuous.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []
    seen = int(rows[-1]["epoch"]) if rows else 0
    while True:
        history = History(**training.load(folder)) if (folder / CHECKPOINT).exists() else History()
        if training.epochs_done > seen and not training.steps_done:
            seen = training.epochs_done
            score = training.evaluate(experiment.evaluation.split)
            row = {"epoch": seen, **score._asdict()}
            with path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                if not file.tell():
                    writer.writeheader()
                writer.writerow(row)
            progress.note(f"epoch {seen}: loss {score.loss:.3f}, top-1 {score.accuracy:.1%}, top-5 {score.top5:.1%}")
        if history.stopped or training.epochs_done >= experiment.train.epochs:
            return
        time.sleep(poll)
