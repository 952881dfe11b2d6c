"""How far a search is, gathered from its events: counts, best so far, front, hypervolume, time left.  Pure.

Standard library only; `search.terminal` shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from results.pareto import front, log_hypervolume
from results.record import TrialRecord


@dataclass
class Running:
    """One trial under way."""

    worker: int
    flops: int
    epochs: int
    epoch: int = 0
    accuracy: float | None = None


class SearchProgress:
    """The state of a search of `trials` trials, at the moments (seconds) that its events are told.

    records: those of earlier processes of this run.  limit, floor: the FLOPs and the accuracy from which on networks
    count for the hypervolume (the budget, chance); without a limit the costliest network so far.
    """

    def __init__(self, trials: int, records: Iterable[TrialRecord], floor: float, limit: float | None, now: float):
        self.trials, self.floor, self.limit, self.began = trials, floor, limit, now
        self.records = list(records)
        self.earlier = len(self.records)
        self.running: dict[int, Running] = {}

    def trial_started(self, trial: int, running: Running) -> None:
        self.running[trial] = running

    def epoch_done(self, trial: int, epoch: int, accuracy: float) -> None:
        running = self.running[trial]
        running.epoch, running.accuracy = epoch, max(accuracy, running.accuracy or 0.0)

    def trial_ended(self, record: TrialRecord) -> None:
        self.running.pop(record.trial, None)
        self.records.append(record)

    @property
    def best(self) -> TrialRecord | None:
        """The most accurate so far, the cheapest among equals."""
        scored = [record for record in self.records if record.scored]
        return max(scored, key=lambda record: (record.accuracy or 0.0, -record.cost["flops"])) if scored else None

    def count(self, status: str) -> int:
        return sum(record.status == status for record in self.records)

    @property
    def front_size(self) -> int:
        return len(front(self._points()))

    @property
    def hypervolume(self) -> float:
        """The area under the front in the plot: decades of FLOPs below the limit times accuracy above the floor."""
        points = self._points()
        limit = self.limit or max((cost for cost, _ in points), default=1.0)
        return log_hypervolume(points, (limit, self.floor))

    def seconds_left(self, now: float) -> float | None:
        """At the speed so far; epochs of running trials count as parts of a trial. None while nothing is done."""
        done = len(self.records) - self.earlier + sum(r.epoch / r.epochs for r in self.running.values())
        if not done:
            return None
        return (now - self.began) / done * max(self.trials - self.earlier - done, 0.0)

    def _points(self) -> list[tuple[float, float]]:
        return [(float(record.cost["flops"]), record.accuracy or 0.0) for record in self.records if record.scored]
