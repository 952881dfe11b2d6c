"""Exported files against each other, and against Model Garden's, in one sitting of rounds in which they take turns.

Every measurement is a process of its own (`movinet.bench.deploy.runner`), so that load and memory are its own too.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from movinet.bench.deploy.clips import LabelledClips
from movinet.bench.deploy.files import PEER_FORMS, write_form, write_peer
from movinet.bench.networks.table import NAMES
from movinet.bench.process import announced, answer
from movinet.export.job import Form
from movinet.models.model import Model

Key = tuple[str, str]  # side ("ours" or "peer") and form
WORDS = {"write": "writing", "time": "timing", "predict": "predicting with"}


@dataclass(frozen=True)
class Plan:
    """What is measured. runs: calls of a process, of which there is one for each file, number of threads and round.

    limit: seconds of a process, start included; its calls get a quarter.  peer: an interpreter with Model Garden.
    calibration: clips (T, S, S, 3) for int8.  clips: those to be right about.
    """

    forms: tuple[Form, ...]
    threads: tuple[int, ...] = (1, 2, 4)
    runs: int = 100
    rounds: int = 3
    limit: float = 600.0
    peer: str | None = None
    calibration: Sequence[np.ndarray] | None = None
    clips: LabelledClips | None = None

    def files(self) -> list[Key]:
        """All files, Model Garden's next to ours of the same form, so that they take turns."""
        found = [("ours", form.name) for form in self.forms]
        for form in PEER_FORMS if self.peer else ():
            place = found.index(("ours", form)) + 1 if ("ours", form) in found else len(found)
            found.insert(place, ("peer", form))
        return found


@dataclass(frozen=True)
class FileMeasurement:
    """One file with one number of threads: numbers, and the reason why some or all are missing.

    p50_ms, p95_ms, mean_ms: of `calls` calls in all rounds; rounds_ms: the p50 of each round.  load_ms: from the file
    to the first answer, the median of the rounds.  peak_bytes: the most memory of its processes, of which
    libraries_bytes before the file was opened.  top1: in [0, 1].
    """

    side: str
    form: str
    threads: int
    bytes: int | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    mean_ms: float | None = None
    calls: int = 0
    rounds_ms: tuple[float, ...] = ()
    load_ms: float | None = None
    peak_bytes: int | None = None
    libraries_bytes: int | None = None
    top1: float | None = None
    versions: dict[str, str] | None = None
    failure: str | None = None


@dataclass(frozen=True)
class About:
    """What the table says of a sitting. frames: of a call, `size` pixels wide; clips: how many were predicted."""

    network: str
    streams: bool
    random: bool
    frames: int
    size: int
    rounds: int
    clips: int


@dataclass(frozen=True)
class Step:
    """One thing to do: "write", "time" or "predict", and with which file."""

    what: str
    key: Key
    threads: int = 1


@dataclass
class Sitting:
    """What has come out so far; a file that fails is left out of later steps."""

    network: Model
    plan: Plan
    folder: Path
    files: dict[Key, Path] = field(default_factory=dict)
    failures: dict[Key, str] = field(default_factory=dict)
    answers: dict[tuple[Key, int], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    top1: dict[Key, float] = field(default_factory=dict)

    def run(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Takes all steps, one at each turn."""
        for step in announced(self._steps(), self._seconds, self._name, tell):
            if step.key not in self.failures:
                {"write": self._write, "time": self._time, "predict": self._predict}[step.what](step)
            yield

    def about(self) -> About:
        """What is measured, and how."""
        network, clips = self.network, len(self.plan.clips.files) if self.plan.clips else 0
        frames, size = 1 if network.streams else network.clip.frames, network.clip.resolution
        return About(network.stem, network.streams, not network.labels, frames, size, self.plan.rounds, clips)

    def measurements(self) -> list[FileMeasurement]:
        """By threads, and within them file by file."""
        return [self._measurement(key, threads) for threads in self.plan.threads for key in self.plan.files()]

    def _steps(self) -> list[Step]:
        keys, rounds = self.plan.files(), range(self.plan.rounds)
        steps = [Step("write", key) for key in keys if key != ("peer", PEER_FORMS[1])]  # one run writes both
        steps += [Step("time", key, threads) for _ in rounds for threads in self.plan.threads for key in keys]
        return steps + [Step("predict", key) for key in keys if self.plan.clips]

    def _name(self, step: Step) -> str:
        threads = f", {step.threads} thread{'s'[: step.threads > 1]}" if step.what == "time" else ""
        return f"{WORDS[step.what]} {NAMES[step.key[0]]} {step.key[1]}{threads}" + (
            ", left out" * (step.key in self.failures)
        )

    def _seconds(self, step: Step) -> float:
        """About how long a step takes, to share out the time that is left."""
        frames, size = self.network.clip.frames, self.network.clip.resolution
        call = (1 if self.network.streams else frames) * size**2 / 3e6  # A0: a hundredth for a frame of 172 pixels
        calls = {"write": 150, "time": self.plan.runs, "predict": 0}[step.what]
        if step.what == "predict" and self.plan.clips:
            calls = len(self.plan.clips.files) * (frames if self.network.streams else 1)
        return {"write": 60.0 if step.key[0] == "peer" else 3.0}.get(step.what, 1.2) + calls * call

    def _write(self, step: Step) -> None:
        if step.key[0] == "peer":
            found = write_peer(self.network, self.plan.peer or "", self.folder, self.plan.limit)
            for form, file in found.items():
                put: dict[Key, Any] = self.files if isinstance(file, Path) else self.failures
                put["peer", form] = file
            return
        form = next(form for form in self.plan.forms if form.name == step.key[1])
        try:
            self.files[step.key] = write_form(self.network, form, self.folder, self.plan.calibration)
        except Exception as error:  # whatever a converter raises is the table's to tell; the other files go on
            self.failures[step.key] = " ".join(str(error).split())[:200] or type(error).__name__

    def _time(self, step: Step) -> None:
        job = {"runs": self.plan.runs, "seconds": self.plan.limit / 4}
        if said := self._asked(step, job):
            self.answers[step.key, step.threads].append(said)

    def _predict(self, step: Step) -> None:
        clips = self.plan.clips
        if clips and (said := self._asked(step, {"clips": [str(file) for file in clips.files]})):
            self.top1[step.key] = clips.accuracy(said["predicted"])

    def _asked(self, step: Step, job: dict[str, Any]) -> dict[str, Any] | None:
        """The runner's answer, None after a failure."""
        job = {**job, "file": str(self.files[step.key]), "threads": step.threads}
        said = answer([sys.executable, "-m", "movinet.bench.deploy.runner", json.dumps(job)], self.plan.limit)
        if "failure" in said:
            self.failures[step.key] = said["failure"]
            return None
        return said

    def _measurement(self, key: Key, threads: int) -> FileMeasurement:
        said, file = self.answers.get((key, threads), []), self.files.get(key)
        size, failure = file.stat().st_size if file else None, self.failures.get(key)
        if not said:
            return FileMeasurement(*key, threads, bytes=size, failure=failure)
        calls = np.concatenate([each["times_ms"] for each in said])
        p50, p95 = np.percentile(calls, (50, 95)).tolist()
        return FileMeasurement(
            *key,
            threads,
            bytes=size,
            p50_ms=p50,
            p95_ms=p95,
            mean_ms=float(calls.mean()),
            calls=len(calls),
            rounds_ms=tuple(float(np.median(each["times_ms"])) for each in said),
            load_ms=float(np.median([each["load_ms"] for each in said])),
            peak_bytes=max(each["peak_bytes"] for each in said),
            libraries_bytes=max(each["libraries_bytes"] for each in said),
            top1=self.top1.get(key),
            versions=said[0]["versions"],
            failure=failure,
        )
