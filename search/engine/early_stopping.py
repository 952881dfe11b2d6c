"""A decision of ours as a scheduler of Ray Tune: after each epoch a trial goes on or is stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.schedulers import FIFOScheduler


class StoppingScheduler(FIFOScheduler):
    """goes_on: the trial's number and its measurements so far -> whether it is trained for another epoch."""

    def __init__(self, goes_on: Callable[[int, Sequence[dict[str, Any]]], bool]):
        super().__init__()
        self.goes_on = goes_on

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return self.CONTINUE if self.goes_on(trial.config["name"], result["measurements"]) else self.STOP
