"""A model folder while its network is trained: what is written when, whole or not at all.

config.yaml, labels.json and spec.yaml at the start; model.keras whenever an epoch is the best so far; log.csv and
metrics.json after each epoch; training.npz, from which the same command goes on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from movinet.config.typed import ConfigError, show
from movinet.cost import network_cost
from movinet.experiment.settings import Experiment, difference, experiment_to_yaml, load_experiment
from movinet.machine.files import clear_drafts, write_whole
from movinet.spec import MovinetSpec
from movinet.training import model_folder
from movinet.training.checkpoint import CHECKPOINT
from movinet.training.measurement import Measurement, best_of
from movinet.training.model_folder import CONFIG, MODEL, figures, write_description

LOG = "log.csv"


@dataclass
class History:
    """What a training has measured so far; plain data both ways, since checkpoints carry it.

    epochs: one row per epoch, Measurement's fields and the learning rate after it.  stopped: why training ended before
    its last epoch, if it did.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    roll_backs: int = 0
    stopped: str | None = None

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch."""
        return dict(best_of(self.epochs))

    def add(self, measured: Measurement, learning_rate: float) -> bool:
        """Notes an epoch; whether it is the best so far."""
        self.epochs.append({**asdict(measured), "learning_rate": learning_rate})
        return best_of(self.epochs) is self.epochs[-1]


def begin(folder: Path, experiment: Experiment, spec: MovinetSpec, classes: Sequence[str]) -> bool:
    """Makes the folder, or finds that the same training was begun there; whether it was.

    Raises ConfigError when something else is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clear_drafts(folder)
    config, begun = folder / CONFIG, (folder / CHECKPOINT).exists()
    if config.exists() and begun:
        changed = difference(load_experiment(config)[0], experiment)
        if changed:
            key, old, new = changed
            raise ConfigError(
                f"{folder}: begun with {key}={show(old)}, not {show(new)}; allowed: the same, or another --model_dir"
            )
    elif (folder / MODEL).exists():
        raise ConfigError(f"{folder}: holds a model that was not trained here; allowed: another --model_dir")
    write_description(folder, experiment_to_yaml(experiment), spec, classes)
    return begun


def write_log(folder: Path, history: History) -> None:
    """log.csv, a row per epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history.epochs[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history.epochs)
    write_whole(folder / LOG, text.getvalue())


def write_metrics(
    folder: Path, history: History, spec: MovinetSpec, classes: int, val_clips: int, finished: bool
) -> dict[str, Any]:
    """metrics.json: top1, top5 ... of model.keras, the best epoch's; then all of the best and the last epoch."""
    best = history.best
    metrics = {
        "epoch": best["epoch"],
        **figures(best),
        "best": {**figures(best), **best},
        "last": {**figures(history.epochs[-1]), **history.epochs[-1]},
        "epochs": len(history.epochs),
        "val_clips": val_clips,
        "finished": finished,
        "stopped": history.stopped,
        "roll_backs": history.roll_backs,
        "cost": asdict(network_cost(spec, num_classes=classes)),
        "spec_id": spec.id,
    }
    model_folder.write_metrics(folder, metrics)
    return metrics
