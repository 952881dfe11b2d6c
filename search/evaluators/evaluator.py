"""The contract of every evaluator: what a candidate is worth, found out epoch by epoch.  Knows nothing of Ray.

Its class prepares a run once, before Ray starts: what the networks tell apart, and plain data that travels to the
workers. Each worker makes one evaluator of it, and has it `begin` one candidate after the other. What is measured
depends on the candidate, the seed and the epoch alone, so that a candidate taken up from a checkpoint ends as if it had
never stopped, in whatever worker.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from movinet.config.choice import NoSettings
from movinet.data.cache import FrameCache
from movinet.data.prepare import DataSettings
from movinet.machine.files import write_whole
from movinet.spec import ClipSpec, MovinetSpec
from movinet.training.measurement import Measurement, TrainingDiverged
from movinet.training.settings import TrainSettings

STATE_FILE = "evaluation.json"


@dataclass(frozen=True)
class Given:
    """What a run gives its evaluator to prepare from.

    clips: those that candidates can ask for.  decode: decodes the data for them, if it is called: it may take minutes.
    """

    data: DataSettings
    train: TrainSettings
    clips: Sequence[ClipSpec]
    decode: Callable[[], FrameCache]


@dataclass(frozen=True)
class Prepared:
    """What all candidates of a run share.

    classes: the networks' outputs.  config: plain data, all that an evaluator gets in its worker.  val_clips: how many
    clips an accuracy is a share of.
    """

    classes: tuple[str, ...]
    config: dict[str, Any]
    val_clips: int


class Evaluator:
    """Evaluates one candidate at a time: `begin`, then `epoch` until `done`; `save` and `load` between two epochs.

    settings: of the evaluator itself, an instance of its class's `Settings`.  config: as prepared.  epochs: of each
    candidate.

    Of the candidate begun last: measurements, also from before a `load`; times, seconds per part (build, train, eval,
    save, load); earlier_seconds, of the parts before the `load`.
    """

    Settings: type = NoSettings

    def __init__(self, settings: Any, config: Mapping[str, Any], epochs: int):
        self.settings, self.config, self.epochs = settings, config, epochs
        self._forget()

    @classmethod
    def prepare(cls, settings: Any, given: Given) -> Prepared:
        """Once per run, in the driver, before any worker starts. Raises InputError for what cannot be evaluated."""
        raise NotImplementedError

    @classmethod
    def start_worker(cls, threads: int, gpu: bool) -> None:
        """Once per worker process, before its first candidate: loads the libraries for so many threads."""

    def start(self, spec: MovinetSpec, seed: int) -> None:
        """Makes what a candidate needs before its first epoch. Whatever it raises ends this candidate alone."""
        raise NotImplementedError

    def measure(self) -> Measurement:
        """The next epoch, the one after `len(self.measurements)`."""
        raise NotImplementedError

    def save_state(self, folder: Path) -> None:
        """Writes to a folder what `measure` needs to go on, beside the measurements."""

    def load_state(self, folder: Path) -> None:
        """Reads, after `start`, what `save_state` wrote."""

    def end(self) -> None:
        """The candidate is over, whatever became of it: frees what `start` made."""

    @property
    def done(self) -> bool:
        return len(self.measurements) >= self.epochs

    def begin(self, spec: MovinetSpec, seed: int) -> None:
        """Turns to another candidate. The same seed gives the same measurements."""
        self._forget()
        with self._part("build"):
            self.start(spec, seed)

    def epoch(self) -> Measurement:
        """Raises TrainingDiverged at the first loss that is no number, ValueError after the last epoch."""
        if self.done:
            raise ValueError(f"all {self.epochs} epochs are done")
        measured = self.measure()
        self._spend("train", measured.train_seconds)
        self._spend("eval", measured.eval_seconds)
        if not math.isfinite(measured.val_loss):
            raise TrainingDiverged(f"val_loss is {measured.val_loss} after epoch {measured.epoch}")
        self.measurements.append(measured)
        return measured

    def save(self, folder: str | Path) -> None:
        """Writes all that another process needs to go on with this candidate."""
        folder = Path(folder)
        with self._part("save"):
            folder.mkdir(parents=True, exist_ok=True)
            self.save_state(folder)
        state = {"measurements": [asdict(m) for m in self.measurements], "times": self.times}
        write_whole(folder / STATE_FILE, json.dumps(state))

    def load(self, folder: str | Path) -> None:
        """Goes on, after `begin` with the same candidate and seed, where `save` was called."""
        folder = Path(folder)
        with self._part("load"):
            self.load_state(folder)
            state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        self.measurements = [Measurement(**fields) for fields in state["measurements"]]
        for part, seconds in state["times"].items():
            self._spend(part, seconds)
        self.earlier_seconds = sum(state["times"].values())

    def _forget(self) -> None:
        self.measurements: list[Measurement] = []
        self.times: dict[str, float] = {}
        self.earlier_seconds = 0.0

    def _spend(self, part: str, seconds: float) -> None:
        self.times[part] = self.times.get(part, 0.0) + seconds

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._spend(name, time.monotonic() - began)
