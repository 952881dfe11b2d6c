"""What to try next: trials that were interrupted, then those paused that are worth it, then what the strategy proposes.

Standard library only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from movinet.cost import network_cost
from movinet.spec import MovinetSpec
from results.record import TrialRecord, score_of
from search.early_stopping.stopping import Curve
from search.journal import Asked, Memory
from search.settings import SearchSettings
from search.strategies.strategy import SpaceUsedUp, Task


@dataclass(frozen=True)
class Assignment:
    """One trial to run."""

    asked: Asked
    spec: MovinetSpec
    cost: dict[str, int]

    @property
    def trial(self) -> int:
        return self.asked.trial


class Plan:
    """Hands out assignments and takes records. The strategy's state is rebuilt from the journal, exactly.

    clock: seconds that go on while the search does, for its limit of hours.  retry_failed: trials that failed in an
    earlier process are tried again, from the start.
    """

    def __init__(
        self,
        task: Task,
        settings: SearchSettings,
        journal: Memory,
        clock: Callable[[], float] = time.monotonic,
        retry_failed: bool = False,
    ):
        self.task, self.settings, self.journal = task, settings, journal
        self.clock, self.began = clock, clock() - journal.seconds
        self.strategy = settings.strategy.make(task, settings.seed)
        self.stopping = settings.early_stopping.make(task.epochs, task.costs)
        self.curves = {
            record.trial: curve_of(record.trial, record.cost, record.measurements) for record in journal.records
        }
        for asked in journal.asked.values():
            self.strategy.remember(asked.trial, task.space.candidate(asked.candidate))
        for record in journal.history:
            self.strategy.tell(record)
        for record in journal.paused.values():
            self.curves[record.trial] = curve_of(record.trial, record.cost, record.measurements)
            self.strategy.progress(record.trial, self.curves[record.trial].accuracies)
        self.retried = {asked.trial for asked in journal.failed} if retry_failed else set()
        for trial in self.retried:
            del self.curves[trial]
        self.interrupted = [*journal.unfinished, *(journal.asked[trial] for trial in sorted(self.retried))]
        self.running: set[int] = set()
        self.ending: set[int] = set()  # they have been told that they do not go on
        self.pausing: set[int] = set()  # of those, the ones that may go on later
        self.is_used_up = False

    @property
    def remaining(self) -> int:
        """Trials still to be run at most, interrupted ones included."""
        left = sys.maxsize if self.settings.trials is None else self.settings.trials - len(self.ended_trials)
        epochs = sys.maxsize if self.settings.epochs is None else self.settings.epochs - self.journal.epochs
        return max(0, min(left, epochs))

    @property
    def ended_trials(self) -> list[TrialRecord]:
        """The records of those that are not to be tried again."""
        return [record for record in self.journal.records if record.trial not in self.retried]

    @property
    def seconds(self) -> float:
        """That the search has taken, over all its processes."""
        return self.clock() - self.began

    def next(self) -> Assignment | None:
        """The next trial, on record as asked; None when there is none, or none yet (`waits`).

        Raises SpaceError when no candidate keeps the budget.
        """
        if not self._allows_an_epoch():
            return None
        if self.interrupted:
            return self._assign(self.interrupted.pop(0))
        if (promoted := self._next_up()) is not None:
            return self._assign(self.journal.asked[promoted])
        trial = max(self.journal.asked, default=-1) + 1
        if self.is_used_up or (self.settings.trials is not None and trial >= self.settings.trials):
            return None
        try:
            proposal = self.strategy.ask(trial)
        except SpaceUsedUp:
            self.is_used_up = True
            return None
        told, under_way = self.strategy.told, self.strategy.pending.keys() - {trial}
        seen = {str(other): len(self.curves[other].accuracies) for other in sorted(under_way)}
        asked = Asked(trial, proposal.candidate.values, proposal.rejected, len(told), seen)
        self.journal.ask(asked)
        return self._assign(asked)

    def check(self) -> None:
        """Raises SpaceError if no candidate keeps the budget, before anything has started."""
        self.settings.strategy.make(self.task, self.settings.seed).ask(0)

    def goes_on(self, trial: int, measurements: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a trial that has come so far is trained for another epoch. The strategy hears how it is doing."""
        curve = curve_of(trial, self.curves[trial].costs, measurements)
        others = [other for other in self.curves.values() if other.trial != trial]
        self.curves[trial] = curve
        self.strategy.progress(trial, curve.accuracies)
        self.journal.spend(self.seconds)
        self.ending.add(trial)  # unless it goes on
        if not self._allows_an_epoch():
            return False
        if self.stopping.goes_on(curve, others):
            self.ending.discard(trial)
            return True
        if self.stopping.pauses and len(curve.accuracies) < self.task.epochs:
            self.pausing.add(trial)
        return False

    @property
    def waits(self) -> bool:
        """Whether `next` may have another trial once one of those running has come further."""
        return self.stopping.pauses and bool(self.running)

    def ended(self, record: TrialRecord) -> bool:
        """Takes a trial's record, if it has ended for good; else it is paused, and keeps its checkpoint."""
        self.running.discard(record.trial)
        self.ending.discard(record.trial)
        self.journal.spend(self.seconds)
        if record.trial in self.pausing and record.status != "failed":
            self.pausing.discard(record.trial)
            self.journal.pause(record)
            return False
        self.record(record)
        return True

    def end(self) -> list[TrialRecord]:
        """Records what is paused as stopped, when nothing more will be tried."""
        self.journal.spend(self.seconds)
        records = list(self.journal.paused.values())
        for record in records:
            self.record(record)
        return records

    def record(self, record: TrialRecord) -> None:
        self.curves[record.trial] = curve_of(record.trial, record.cost, record.measurements)
        self.retried.discard(record.trial)
        self.journal.record(record)
        self.strategy.tell(record)

    def record_of(
        self,
        assignment: Assignment,
        seed: int,
        measurements: Sequence[Mapping[str, Any]],
        seconds: float,
        reason: str | None = None,
        **known: Any,
    ) -> TrialRecord:
        """What goes on record of a trial that has ended. reason: why it failed.  known: more of the record's fields."""
        accuracy = max(map(score_of, measurements), default=None)
        values = {"accuracy": accuracy, **assignment.cost}
        is_whole = len(measurements) >= self.task.epochs
        return TrialRecord(
            trial=assignment.trial,
            candidate=assignment.asked.candidate,
            spec=assignment.spec.to_dict(),
            spec_id=assignment.spec.id,
            cost=assignment.cost,
            measurements=[dict(measured) for measured in measurements],
            accuracy=accuracy,
            status="failed" if reason else "finished" if is_whole else "stopped",
            reason=reason,
            seed=seed,
            seconds=seconds,
            rejected=assignment.asked.rejected,
            objectives={name: values[name] for name in self.settings.objectives},
            **known,
        )

    def _allows_an_epoch(self) -> bool:
        """Whether one more may be trained, beside those that trials under way are at."""
        done = sum(len(curve.accuracies) for curve in self.curves.values())
        return self.settings.limits.used(0, self.seconds, done + len(self.running - self.ending)) < 1

    def _next_up(self) -> int | None:
        waiting = self.journal.paused.keys() - self.running
        paused = [self.curves[trial] for trial in sorted(waiting)]
        others = [curve for trial, curve in self.curves.items() if trial not in waiting]
        return self.stopping.next_up(paused, others) if paused else None

    def _assign(self, asked: Asked) -> Assignment:
        spec = self.task.space.candidate(asked.candidate).spec()
        cost = asdict(network_cost(spec, num_classes=self.task.num_classes))
        self.running.add(asked.trial)
        self.curves.setdefault(asked.trial, Curve(asked.trial, cost, ()))
        return Assignment(asked, spec, cost)


def curve_of(trial: int, costs: Mapping[str, float], measurements: Sequence[Mapping[str, Any]]) -> Curve:
    """A trial's curve, of its measurements so far."""
    return Curve(trial, costs, tuple(map(score_of, measurements)))
