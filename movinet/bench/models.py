"""Networks against each other, measurement by measurement: as trained, fused, and Model Garden's.

Every measurement is a process of its own (`movinet.bench.runner`), so that its peak memory is its own too.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from movinet.cost import network_cost
from movinet.presets import PRESETS
from movinet.spec import MovinetSpec

RUNNER = Path(__file__).with_name("runner.py")
SIDES = ("ours", "fused", "peer")
TRAINING_CLIP = (4, 8, 112)  # batch, frames, pixels
FRAMES_PER_RUN = 10  # a frame takes a hundredth of a clip
CLASSES = 600
OUT_OF_MEMORY = -9  # the kernel's answer to a process that wants more than there is


@dataclass(frozen=True)
class Job:
    """What one process measures; `movinet.bench.runner` reads it as JSON.

    what: "forward" (one clip), "training" (a step of SGD) or "frame" (one more frame of a stream).
    side: "ours" as trained, "fused", or "peer", which is Model Garden's network of the same name.
    seconds: no more runs are begun after it.  threads: 0 for all cores.
    """

    network: str
    spec: MovinetSpec
    what: str
    side: str
    clip: tuple[int, int, int]  # batch, frames, pixels
    runs: int
    seconds: float
    threads: int

    @property
    def flops(self) -> int:
        """Multiply-adds of the forward pass."""
        batch, frames, size = self.clip
        return batch * network_cost(self.spec, frames, size, CLASSES).flops

    def to_json(self) -> str:
        batch, frames, size = self.clip
        shape = {"batch": batch, "frames": frames, "size": size, "classes": CLASSES}
        return json.dumps({**asdict(self), **shape, "spec": self.spec.to_dict()})


@dataclass(frozen=True)
class Measurement:
    """What came out of a job: numbers, or the reason why there are none.

    milliseconds: the median of `runs` runs.  peak_bytes: the most memory its process held, from start to end;
    libraries_bytes: of these, what it held before the network was built.
    """

    network: str
    what: str
    side: str
    clip: tuple[int, int, int]
    flops: int
    parameters: int | None = None
    milliseconds: float | None = None
    runs: int = 0
    peak_bytes: int | None = None
    libraries_bytes: int | None = None
    versions: dict[str, str] | None = None
    failure: str | None = None


def jobs(
    networks: dict[str, MovinetSpec], peer: bool, runs: int = 10, seconds: float = 60.0, threads: int = 0
) -> list[Job]:
    """What is to be measured, by name of the network: forward and training, and a frame where it is causal.

    No fused training step: what batch norms do in training cannot be folded.
    """
    every = []
    for network, spec in networks.items():
        size = spec.clip.resolution
        cases = [("forward", (1, spec.clip.frames, size), runs), ("training", TRAINING_CLIP, runs)]
        cases += [("frame", (1, 1, size), runs * FRAMES_PER_RUN)] if spec.causal else []
        for what, clip, count in cases:
            sides = [side for side in SIDES if _exists(side, network, what, peer)]
            every += [Job(network, spec, what, side, clip, count, seconds, threads) for side in sides]
    return every


def measure_all(
    every: Sequence[Job], peer_python: str | None, limit: float, tell: Callable[[str], None]
) -> Iterator[Measurement]:
    """Runs one job after the other; a job that fails or takes more than `limit` seconds is a reason, no error."""
    began, total, done = time.monotonic(), sum(map(_effort, every)), 0.0
    for number, job in enumerate(every, 1):
        elapsed = time.monotonic() - began
        left = f", {elapsed * (total - done) / done / 60:.0f} min left" if done else ""
        tell(f"[{number}/{len(every)}{left}] {job.network} {job.what}, {job.side}")
        yield measure(job, peer_python if job.side == "peer" else sys.executable, limit)
        done += _effort(job)


def measure(job: Job, python: str | None, limit: float) -> Measurement:
    """Runs one job with the interpreter `python`, for `limit` seconds at most."""
    result = Measurement(job.network, job.what, job.side, job.clip, job.flops)
    ours = [] if job.side == "peer" else ["-m", "movinet.bench.runner"]
    command = [str(python), *(ours or [str(RUNNER)]), job.to_json()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=_environment(job.threads))
    except subprocess.TimeoutExpired:
        return _failed(result, f"over {limit:g} s")
    if done.returncode:
        return _failed(result, _reason(done.returncode, done.stderr))
    return Measurement(**{**asdict(result), **json.loads(done.stdout.splitlines()[-1])})


def machine(threads: int) -> dict[str, Any]:
    """Where the figures were taken."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "threads": threads or cores,
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _exists(side: str, network: str, what: str, peer: bool) -> bool:
    return {"ours": True, "fused": what != "training", "peer": peer and network in PRESETS}[side]


def _effort(job: Job) -> float:
    """About how many seconds a job takes, for the estimate of the time left."""
    start, per_gflop = (40.0, 3.0) if job.side == "peer" else (15.0, 0.06)
    passes = 3 if job.what == "training" else 1
    run = per_gflop * passes * job.flops / 1e9
    return start + run + max(run, min(job.seconds, job.runs * run))


def _environment(threads: int) -> dict[str, str]:
    limited = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **limited}


def _failed(result: Measurement, reason: str) -> Measurement:
    return Measurement(**{**asdict(result), "failure": reason})


def _reason(code: int, errors: str) -> str:
    if code == OUT_OF_MEMORY:
        return "killed, probably out of memory"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit code {code}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
