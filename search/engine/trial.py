"""The Ray trainable: plain dicts in, plain numbers out.  One actor, and its TensorFlow, serves many trials."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from movinet.config.typed import build
from movinet.data.prepare import DataSettings
from movinet.machine.devices import graphs_as_written, prepare_tensorflow
from movinet.spec import spec_from_dict
from results.record import score_of

if TYPE_CHECKING:
    from search.evaluators.trained import Evaluation


class TimeLimit(Exception):
    """The trial took longer than it may."""


class Trial(tune.Trainable):
    """One step is one epoch. Whatever goes wrong in a trial ends the trial with its reason, not the actor.

    config: name (trial number or member), spec, data, train and seed as dicts and numbers; cache (a folder of the
    data's decoded frames); threads, gpu_fraction; time_limit_s or None; checkpoint (folder to go on from) or None;
    member (folder to write the trained network to) or None; logs (folder).

    Each result has times: start, the worker's wait since its last trial (or its import of TensorFlow), and the parts of
    the evaluation.
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        return tune.PlacementGroupFactory([{"CPU": config["threads"], "GPU": config["gpu_fraction"]}])

    def setup(self, config: dict[str, Any]) -> None:
        self.idle_since = time.monotonic()
        threads = config["threads"]
        prepare_tensorflow(threads, at_once=1 if threads == 1 else 2, gpu=config["gpu_fraction"] > 0)
        self.be_ready(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Frees the trial before, whose graphs and weights would otherwise pile up over hundreds of trials."""
        from search.evaluators.trained import free_memory

        self.evaluation = None
        free_memory()
        self.be_ready(new_config)
        return True

    def be_ready(self, config: dict[str, Any]) -> None:
        """Nothing of the trial is built yet, so that its errors are its own."""
        self.config = config
        self.evaluation: Evaluation | None = None
        self.began: float | None = None

    def step(self) -> dict[str, Any]:
        if self.began is None:
            self.began = time.monotonic()
            self.waited = self.began - self.idle_since
        result: dict[str, Any] = {"done": True, "reason": None}
        try:
            with time_limit(self.config["time_limit_s"], time.monotonic() - self.began):
                result |= self.next_epoch()
        except Exception as error:  # out of memory and time included; a record with this reason is the answer
            result["reason"] = reason_of(error)
            self.log(error)
        self.idle_since = time.monotonic()
        result |= {"measurements": [], "seconds": self.idle_since - self.began, "times": {"start": self.waited}}
        if evaluation := self.evaluation:
            result["measurements"] = [asdict(measured) for measured in evaluation.measurements]
            result["seconds"] += evaluation.earlier_seconds
            result["times"] |= evaluation.times
        return result

    def next_epoch(self) -> dict[str, Any]:
        """The newest measurement; the network is built first if this is the trial's first step."""
        evaluation = self.evaluation = self.evaluation or self.begin()
        with nullcontext() if self.config["gpu_fraction"] else graphs_as_written():  # an export wants them optimized
            last = evaluation.epoch()
        if evaluation.done and self.config["member"]:
            from search.member import write_member

            write_member(Path(self.config["member"]), evaluation, build(DataSettings, self.config["data"]))
        done = evaluation.done
        score = score_of(asdict(last))
        return {"epoch": last.epoch, "score": score, "done": done, "should_checkpoint": not done}

    def log_result(self, result: dict[str, Any]) -> None:
        """Ray calls this before a result leaves: without the config, whose numbers Tune would keep statistics of."""
        result.pop("config", None)

    def log(self, error: Exception) -> None:
        """The traceback, for whom the reason is not enough."""
        path = Path(self.config["logs"], f"trial-{self.config['name']}.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")

    def begin(self) -> Evaluation:
        from movinet.data.cache import FrameCache
        from movinet.training.settings import TrainSettings
        from search.evaluators.trained import Evaluation

        config = self.config
        cache, settings = FrameCache.open(config["cache"]), build(TrainSettings, config["train"])
        evaluation = Evaluation(spec_from_dict(config["spec"]), settings, cache, config["seed"])
        if config["checkpoint"]:
            evaluation.load(config["checkpoint"])
        return evaluation

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        assert self.evaluation is not None
        self.evaluation.save(checkpoint_dir)

    def load_checkpoint(self, checkpoint: str) -> None:  # type: ignore[override]
        self.evaluation = self.begin()
        self.evaluation.load(checkpoint)


@contextmanager
def time_limit(seconds: float | None, spent: float) -> Iterator[None]:
    """Raises TimeLimit within the block once `seconds`, less those spent before, are over.

    By a timer signal: the block must run in the process's main thread, as Ray's actors do.
    """
    if seconds is None:
        yield
        return

    def expired(_number: int, _frame: object) -> None:
        raise TimeLimit(f"longer than the limit of {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    again = 1.0  # second: an exception that meets a destructor or a C callback is swallowed there
    signal.setitimer(signal.ITIMER_REAL, max(seconds - spent, 0.001), again)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def reason_of(error: BaseException) -> str:
    """One line that says what went wrong."""
    text = " ".join(str(error).split())
    kind = type(error).__name__
    if isinstance(error, MemoryError) or kind == "ResourceExhaustedError":
        kind = "out of memory"
    kind = {"TimeLimit": "time limit", "TrainingDiverged": "diverged"}.get(kind, kind)
    return f"{kind}: {text}"[:400] if text else kind
