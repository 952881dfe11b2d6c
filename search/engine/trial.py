"""The Ray trainable: plain dicts in, plain numbers out.  One actor, with its evaluator, serves many trials."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import tune

from movinet.spec import spec_from_dict
from results.record import score_of
from search.evaluators.evaluator import Evaluator
from search.evaluators.registry import EvaluatorChoice


class TimeLimit(Exception):
    """The trial took longer than it may."""


class Trial(tune.Trainable):
    """One step is one epoch. Whatever goes wrong in a trial ends the trial with its reason, not the actor.

    config: name (trial number or member), spec as a dict, seed; evaluator (as in YAML), prepared (its config), epochs;
    threads, gpu_fraction; time_limit_s or None; checkpoint (folder to go on from) or None; member (folder to write the
    trained network to) or None; logs (folder); path (where to import evaluators from outside, too).

    Each result has times: start, the worker's wait since its last trial (or its import of libraries), and the parts of
    the evaluation.
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        return tune.PlacementGroupFactory([{"CPU": config["threads"], "GPU": config["gpu_fraction"]}])

    def setup(self, config: dict[str, Any]) -> None:
        self.idle_since = time.monotonic()
        sys.path += [folder for folder in config["path"] if folder not in sys.path]
        self.made_of: tuple[Any, ...] = ()
        self.evaluator: Evaluator | None = None
        self.be_ready(config)
        self.choice().kind.start_worker(config["threads"], config["gpu_fraction"] > 0)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Frees the trial before, which would otherwise pile up over hundreds of trials."""
        if self.evaluator:
            self.evaluator.end()
        self.be_ready(new_config)
        return True

    def be_ready(self, config: dict[str, Any]) -> None:
        """Nothing of the trial is built yet, so that its errors are its own."""
        self.config = config
        self.began: float | None = None
        self.is_under_way = False

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
        if self.is_under_way and (evaluator := self.evaluator):
            result["measurements"] = [asdict(measured) for measured in evaluator.measurements]
            result["seconds"] += evaluator.earlier_seconds
            result["times"] |= evaluator.times
        return result

    def next_epoch(self) -> dict[str, Any]:
        """The newest measurement; the candidate is begun first if this is the trial's first step."""
        evaluator = self.begun()
        last = evaluator.epoch()
        if evaluator.done and self.config["member"]:
            from search.evaluators.trained import Trained
            from search.member import write_member

            assert isinstance(evaluator, Trained)  # as `train_family` asks for
            write_member(Path(self.config["member"]), evaluator, evaluator.data)
        done = evaluator.done
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

    def choice(self) -> EvaluatorChoice:
        return EvaluatorChoice.from_plain(self.config["evaluator"], "search.evaluator")

    def begun(self, checkpoint: str | None = None) -> Evaluator:
        """The evaluator with this trial's candidate, one evaluator for all trials that have the same prepared."""
        config = self.config
        made_of = (config["evaluator"], config["prepared"], config["epochs"])
        if self.evaluator is None or self.made_of != made_of:
            self.evaluator, self.made_of = self.choice().make(config["prepared"], config["epochs"]), made_of
        if not self.is_under_way:
            self.evaluator.begin(spec_from_dict(config["spec"]), config["seed"])
            if checkpoint := checkpoint or config["checkpoint"]:
                self.evaluator.load(checkpoint)
            self.is_under_way = True
        return self.evaluator

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        self.begun().save(checkpoint_dir)

    def load_checkpoint(self, checkpoint: str) -> None:  # type: ignore[override]
        self.is_under_way = False
        self.begun(checkpoint)


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
