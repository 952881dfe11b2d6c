"""Which trials end early: asynchronous successive halving (arXiv:1810.05934) among networks of like cost.

Compared over all costs, the cheap end of the front would be stopped first, because small networks are less accurate;
so each octave of FLOPs has rungs of its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

from results.record import TrialRecord, score_of
from search.settings import EarlyStopping


class OctaveAsha(FIFOScheduler):
    """One ASHA per octave of FLOPs, on score by epoch, which a trial's results hold; its cost is its config["flops"].

    records: trials of earlier processes, replayed so that the rungs are what they were.
    """

    def __init__(self, stopping: EarlyStopping, epochs: int, records: Iterable[TrialRecord] = ()):
        super().__init__()
        self.octaves: dict[int, ASHAScheduler] = defaultdict(
            lambda: ASHAScheduler(
                time_attr="epoch",
                metric="score",
                mode="max",
                max_t=epochs,
                grace_period=stopping.grace_epochs,
                reduction_factor=stopping.reduction,
            )
        )
        for record in records:
            trial = SimpleNamespace(trial_id=f"record-{record.trial}", config={"flops": record.cost["flops"]})
            self.on_trial_add(None, trial)
            for measured in record.measurements:
                self.on_trial_result(None, trial, {**measured, "score": score_of(measured)})

    def of(self, trial: Any) -> Any:
        """The ASHA that this trial competes in."""
        return self.octaves[int(math.log2(trial.config["flops"]))]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self.of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return self.of(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        self.of(trial).on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        self.of(trial).on_trial_remove(tune_controller, trial)
