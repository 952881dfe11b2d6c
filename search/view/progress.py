"""How far a run is, gathered from its events: counts, best so far, front, hypervolume, time left.  Pure.

Standard library only; `search.view.terminal` shows it.  `now` is seconds of any clock that only goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from results.pareto import front, log_hypervolume
from results.record import TrialRecord


@dataclass
class TrialProgress:
    """One network in training, a trial or a family member; cost: in a record's unit; accuracy: the best so far."""

    worker: int
    cost: int
    epochs: int
    epoch: int = 0
    accuracy: float | None = None

    def epoch_done(self, epoch: int, accuracy: float) -> None:
        self.epoch = epoch
        self.accuracy = max(accuracy, self.accuracy or 0.0)

    @property
    def share(self) -> float:
        """Of its epochs that are done."""
        return self.epoch / self.epochs


class SearchProgress:
    """A search of `trials` trials; `records` are those that earlier processes of this run left.

    cost: the objective beside accuracy.  limit: up to which of its values networks count for the hypervolume (the
    budget's); None: the costliest's so far.
    began: when the first trial began; None before, while workers are starting.
    """

    def __init__(self, trials: int, records: Iterable[TrialRecord], limit: float | None, cost: str):
        self.trials, self.limit, self.cost = trials, limit, cost
        self.began: float | None = None
        self.records = list(records)
        self.earlier = len(self.records)

    @property
    def best(self) -> TrialRecord | None:
        """The most accurate so far, the cheapest among equals."""
        scored = [record for record in self.records if record.scored]
        return max(scored, key=lambda record: (record.value("accuracy"), -record.value(self.cost))) if scored else None

    def ended(self, status: str) -> int:
        """How many trials ended so."""
        return sum(record.status == status for record in self.records)

    @property
    def front_size(self) -> int:
        return len(front(self._points()))

    @property
    def hypervolume(self) -> float:
        """The area under the front in the plot: accuracy times decades of cost, up to the limit."""
        points = self._points()
        limit = self.limit or max((cost for cost, _ in points), default=1.0)
        return log_hypervolume(points, (limit, 0.0))

    def seconds_left(self, running: Iterable[TrialProgress], now: float) -> float | None:
        """At the speed so far; epochs of running trials count as parts of a trial. None while nothing is done."""
        done = len(self.records) - self.earlier + sum(training.share for training in running)
        if self.began is None or not done:
            return None
        return (now - self.began) / done * max(self.trials - self.earlier - done, 0.0)

    def _points(self) -> list[tuple[float, float]]:
        return [(record.value(self.cost), record.value("accuracy")) for record in self.records if record.scored]


GROWTH = 0.6  # training time grows as FLOPs to this power, measured on A0 to A5 of 0.5 to 14 MFLOPs on two cores


@dataclass
class FamilyProgress:
    """Members in training, each of `ratio` times the FLOPs of the one before, so the last ones take the longest."""

    names: tuple[str, ...]
    ratio: float
    began: float
    accuracies: dict[str, float] = field(default_factory=dict)  # of those trained

    def seconds_left(self, running: Mapping[str, TrialProgress], now: float) -> float | None:
        """At the speed so far, by work. None while nothing is done."""
        work = {name: self.ratio ** (GROWTH * index) for index, name in enumerate(self.names)}
        shares = {name: training.share for name, training in running.items()} | dict.fromkeys(self.accuracies, 1.0)
        done = sum(share * work[name] for name, share in shares.items())
        return (now - self.began) / done * (sum(work.values()) - done) if done else None
