"""How far a run is, gathered from its events: counts, best so far, front, hypervolume, time left.  Pure.

Standard library only; `search.view.terminal` shows it.  `now` is seconds of any clock that only goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from results.pareto import front, log_hypervolume
from results.record import TrialRecord
from search.limits import Limits

SHRINK = 2  # whole trials that the mean length of trials counts as known beforehand


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
    def left(self) -> int:
        """Epochs that it has before it, unless it is stopped."""
        return self.epochs - self.epoch


class Pace:
    """How fast work gets done, by what workers did since each one's first epoch, which holds its start.

    Work is counted in any unit; an epoch's is that of the network that the worker trains.
    """

    def __init__(self) -> None:
        self.first: dict[int, float] = {}  # worker -> when its first epoch ended
        self.last: dict[int, tuple[float, float]] = {}  # when its latest one did, and the work in that
        self.done = 0.0

    def epoch_done(self, worker: int, work: float, now: float) -> None:
        if worker in self.first:
            self.done += work
        self.first.setdefault(worker, now)
        self.last[worker] = now, work

    @property
    def speed(self) -> float | None:
        """Work in a second of one worker; None before any has ended its second epoch."""
        seconds = sum(now - self.first[worker] for worker, (now, _) in self.last.items())
        return self.done / seconds if seconds > 0 and self.done else None

    def seconds_left(self, work: float, running: Mapping[int, float], now: float) -> float | None:
        """work: left in all.  running: worker -> work left in what it trains. What is under way counts as far as it is.

        Not less than what the longest of those running needs.
        """
        if (speed := self.speed) is None:
            return None
        under_way = {
            worker: min(left, speed * (now - self.last[worker][0]), self.last[worker][1])
            for worker, left in running.items()
            if worker in self.last
        }
        longest = max((left - under_way.get(worker, 0.0) for worker, left in running.items()), default=0.0)
        shared = (work - sum(under_way.values())) / max(1, len(self.last.keys() | running.keys()))
        return max(shared, longest, 0.0) / speed


class SearchProgress:
    """A search up to its `limits`; `records` are those that earlier processes of this run left.

    epochs: of a whole trial.  costs: the objectives beside accuracy.  limit: up to which value of the first networks
    count for the hypervolume (the budget's); None: the costliest's so far.  seconds: that earlier processes took.
    began: when the search began in this process; None before, while clips are prepared.
    """

    def __init__(
        self,
        limits: Limits,
        epochs: int,
        records: Iterable[TrialRecord],
        limit: float | None,
        costs: Sequence[str],
        seconds: float = 0.0,
    ):
        self.limits, self.epochs, self.limit, self.costs, self.seconds = limits, epochs, limit, costs, seconds
        self.began: float | None = None
        self.records = list(records)
        self.paused: dict[int, int] = {}  # trial -> its epochs
        self.pace = Pace()

    @property
    def best(self) -> TrialRecord | None:
        """The most accurate so far, the cheapest among equals."""
        scored = [record for record in self.records if record.scored]
        cost = self.costs[0]
        return max(scored, key=lambda record: (record.value("accuracy"), -record.value(cost)), default=None)

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
        limit = self.limit or max((cost for cost, *_ in points), default=1.0)
        return log_hypervolume(points, (limit, 0.0))

    def used(self, running: Mapping[int, TrialProgress], now: float) -> float:
        """The share of the search that is over."""
        return self.limits.used(len(self.records), self._seconds(now), self._epochs_done(running))

    def seconds_left(self, running: Mapping[int, TrialProgress], now: float) -> float | None:
        """At the speed so far, until the first of the limits. None before a worker has ended its second epoch.

        Trials to come are taken to be as long as those that ended or paused.
        """
        ended = [*(len(record.measurements) for record in self.records), *self.paused.values()]
        length = (SHRINK * self.epochs + sum(ended)) / (SHRINK + len(ended))
        done, limits = self._epochs_done(running), self.limits
        by_trials = inf if limits.trials is None else limits.trials * length - done
        by_epochs = inf if limits.epochs is None else limits.epochs - done
        workers = {training.worker: float(min(training.left, by_epochs)) for training in running.values()}
        left = self.pace.seconds_left(min(by_trials, by_epochs), workers, now)
        if left is None or limits.hours is None:
            return left
        return max(0.0, min(left, limits.hours * 3600 - self._seconds(now)))

    def _seconds(self, now: float) -> float:
        return self.seconds + (0.0 if self.began is None else now - self.began)

    def _epochs_done(self, running: Mapping[int, TrialProgress]) -> int:
        paused = sum(epochs for trial, epochs in self.paused.items() if trial not in running)
        ended = sum(len(record.measurements) for record in self.records)
        return ended + paused + sum(training.epoch for training in running.values())

    def _points(self) -> list[tuple[float, ...]]:
        return [record.point(self.costs) for record in self.records if record.scored]


GROWTH = 0.6  # training time grows as FLOPs to this power, measured on A0 to A5 of 0.5 to 14 MFLOPs on two cores


@dataclass
class FamilyProgress:
    """Members in training, each of `ratio` times the FLOPs of the one before, so the last ones take the longest."""

    names: tuple[str, ...]
    ratio: float
    accuracies: dict[str, float] = field(default_factory=dict)  # of those trained
    pace: Pace = field(default_factory=Pace)

    def work(self, name: str) -> float:
        """Of a whole member, in trainings of the smallest."""
        return self.ratio ** (GROWTH * self.names.index(name))

    def seconds_left(self, running: Mapping[str, TrialProgress], now: float) -> float | None:
        """At the speed so far, by work. None before a worker has ended its second epoch."""
        under_way = {
            training.worker: self.work(name) * training.left / training.epochs for name, training in running.items()
        }
        waiting = [name for name in self.names if name not in running and name not in self.accuracies]
        return self.pace.seconds_left(sum(map(self.work, waiting)) + sum(under_way.values()), under_way, now)
