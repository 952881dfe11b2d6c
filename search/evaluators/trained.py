"""One candidate evaluated: built, trained and measured epoch by epoch.  Knows nothing of Ray, loads TensorFlow."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, replace
from pathlib import Path

from movinet.data.cache import FrameCache
from movinet.machine.files import write_whole
from movinet.spec import MovinetSpec
from movinet.training.classes import classes_of
from movinet.training.measurement import Measurement, TrainingDiverged
from movinet.training.new_model import new_model
from movinet.training.settings import TrainSettings
from movinet.training.training import Training

STATE_FILE = "evaluation.json"


class Evaluation:
    """Trains one network on a cache; `epoch` is called until `done`. The same seed gives the same start.

    measurements: those so far, also from before a resume.  times: seconds per part (build, train, eval, save, load).
    earlier_seconds: of the parts before the resume.
    """

    def __init__(self, spec: MovinetSpec, settings: TrainSettings, cache: FrameCache, seed: int):
        self.spec, self.settings = spec, replace(settings, seed=seed)
        self.measurements: list[Measurement] = []
        self.times: dict[str, float] = {}
        self.earlier_seconds = 0.0
        began = time.monotonic()
        self.model = new_model(spec, len(classes_of(cache, self.settings)), self.settings)
        self.training = Training(self.model, cache, spec.clip, self.settings)
        self._spend("build", began)

    @property
    def done(self) -> bool:
        return len(self.measurements) >= self.settings.epochs

    def epoch(self) -> Measurement:
        """Trains for one epoch and measures. Raises TrainingDiverged at the first loss that is no number."""
        measured = self.training.epoch()
        self.times["train"] = self.times.get("train", 0.0) + measured.train_seconds
        self.times["eval"] = self.times.get("eval", 0.0) + measured.eval_seconds
        if not math.isfinite(measured.val_loss):
            raise TrainingDiverged(f"val_loss is {measured.val_loss} after epoch {measured.epoch}")
        self.measurements.append(measured)
        return measured

    def save(self, folder: str | Path) -> None:
        """Weights, optimizer and measurements, so that another process can go on."""
        began = time.monotonic()
        self.training.save(folder)
        self._spend("save", began)
        state = {"measurements": [asdict(m) for m in self.measurements], "times": self.times}
        write_whole(Path(folder, STATE_FILE), json.dumps(state))

    def load(self, folder: str | Path) -> None:
        """Goes on where `save` was called."""
        began = time.monotonic()
        self.training.load(folder)
        state = json.loads(Path(folder, STATE_FILE).read_text(encoding="utf-8"))
        self.measurements = [Measurement(**fields) for fields in state["measurements"]]
        for part, seconds in state["times"].items():
            self.times[part] = self.times.get(part, 0.0) + seconds
        self.earlier_seconds = sum(state["times"].values())
        self._spend("load", began)

    def _spend(self, part: str, began: float) -> None:
        self.times[part] = self.times.get(part, 0.0) + time.monotonic() - began


def free_memory() -> None:
    """Between two trials of one process: Keras' global state, and the graphs that TensorFlow would keep for good.

    Without this a worker grew by 20 to 40 MB a trial.
    """
    import keras

    from movinet.machine.devices import forget_custom_gradients

    forget_custom_gradients()
    keras.backend.clear_session()  # collects garbage, too
