"""Networks against each other, measurement by measurement: as trained, fused, and Model Garden's.

Every measurement is a process of its own (`movinet.bench.peer.measure`), so that its peak memory is its own too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from movinet.bench.process import announced, answer
from movinet.cost import network_cost
from movinet.presets import PRESETS
from movinet.spec import MovinetSpec

RUNNER = Path(__file__).parents[1] / "peer" / "measure.py"
SIDES = ("ours", "fused", "peer")
TRAINING_CLIP = (4, 8, 112)  # batch, frames, pixels
FRAMES_PER_RUN = 10  # a frame takes a hundredth of a clip
CLASSES = 600


@dataclass(frozen=True)
class NetworkJob:
    """What one process measures; `movinet.bench.peer.measure` reads it as JSON.

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
class NetworkMeasurement:
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
) -> list[NetworkJob]:
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
            every += [NetworkJob(network, spec, what, side, clip, count, seconds, threads) for side in sides]
    return every


def measure_all(
    every: Sequence[NetworkJob], peer_python: str | None, limit: float, tell: Callable[[str], None]
) -> Iterator[NetworkMeasurement]:
    """Runs one job after the other; a job that fails or takes more than `limit` seconds is a reason, no error."""
    for job in announced(every, _effort, lambda job: f"{job.network} {job.what}, {job.side}", tell):
        yield measure(job, peer_python if job.side == "peer" else sys.executable, limit)


def measure(job: NetworkJob, python: str | None, limit: float) -> NetworkMeasurement:
    """Runs one job with the interpreter `python`, for `limit` seconds at most."""
    result = NetworkMeasurement(job.network, job.what, job.side, job.clip, job.flops)
    ours = [] if job.side == "peer" else ["-m", "movinet.bench.peer.measure"]
    command = [str(python), *(ours or [str(RUNNER)]), job.to_json()]
    return NetworkMeasurement(**{**asdict(result), **answer(command, limit, job.threads)})


def _exists(side: str, network: str, what: str, peer: bool) -> bool:
    return {"ours": True, "fused": what != "training", "peer": peer and network in PRESETS}[side]


def _effort(job: NetworkJob) -> float:
    """About how many seconds a job takes, for the estimate of the time left."""
    start, per_gflop = (40.0, 3.0) if job.side == "peer" else (15.0, 0.06)
    passes = 3 if job.what == "training" else 1
    run = per_gflop * passes * job.flops / 1e9
    return start + run + max(run, min(job.seconds, job.runs * run))
