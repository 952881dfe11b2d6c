"""What a user sees of a run: one live view, or plain lines where there is no terminal to redraw (or CI=true).

rich is imported here and nowhere else.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from movinet.machine.progress import clock
from results.accuracies import in_words, of_record
from results.axes import AXES, Axis
from results.record import TrialRecord, score_of
from search.settings import ScalingSettings, Settings
from search.view.listener import Listener
from search.view.progress import FamilyProgress, SearchProgress, TrialProgress
from space.scaling.members import MEMBERS

QUIET_SECONDS = 15.0  # without a terminal: the least time between two lines that only say how far something is


class Terminal(Listener):
    """Shows a run as its events come in; a context manager, so that it leaves tidily.

    live: redraw one view in place; by default if the stream is a terminal and CI is not set. Otherwise lines.
    clock: seconds, for the time that is gone and left.
    """

    def __init__(
        self,
        title: str,
        settings: Settings,
        stream: TextIO | None = None,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.clock = clock
        self.title, self.settings, self.stream = title, settings, stream or sys.stdout
        self.axis = AXES[settings.search.cost]
        self.live = _is_live(self.stream) if live is None else live
        console = Console(file=self.stream, force_terminal=self.live, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
        self.bars = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console)
        self.began = clock()
        self.spent = 0.0  # seconds, by earlier processes of the search
        self.started = False  # a trial has
        self.spoke = -QUIET_SECONDS
        self.steps: dict[str, TaskID] = {}  # what is prepared -> its bar
        self.notes: set[str] = set()
        self.training: dict[int | str, TrialProgress] = {}
        self.search: SearchProgress | None = None
        self.family: FamilyProgress | None = None
        self.view = Live(console=console, get_renderable=self.render, refresh_per_second=4)

    def __enter__(self) -> Terminal:
        if self.live:
            self.view.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.view.stop()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray Tune pickles all that its callbacks can reach, a terminal cannot be, and nobody reads it."""
        return {}

    def on_data(self, what: str, done: int, total: int) -> None:
        if what not in self.steps:
            self.steps[what] = self.bars.add_task(what, total=total)
        self.bars.update(self.steps[what], completed=done, total=total)
        if done == total or self._is_quiet():
            left = self.bars.tasks[self.steps[what]].time_remaining
            self._line(f"{what}: {done}/{total}" + (f", about {clock(left)} left" if left else ""))

    def on_note(self, text: str) -> None:
        if text in self.notes:  # the clips of the search serve the family, too
            return
        self.notes.add(text)
        if self.live:
            self.view.console.print(Text(text, style="yellow"), soft_wrap=True)
        self._line(text)

    def on_spent(self, seconds: float) -> None:
        self.spent = seconds

    def on_run(self, total: int | None, workers: int, finished: list[TrialRecord]) -> None:
        limits, epochs = replace(self.settings.search.limits, trials=total), self.settings.train.epochs
        budget = getattr(self.settings.load_budget(), self.axis.name, None)
        self.search = SearchProgress(limits, epochs, finished, budget, self.settings.search.costs, self.spent)
        self.search.began = self.clock()
        before = f", {len(finished)} of them recorded before" if finished else ""
        self._line(f"search: {limits} on {_count(workers, 'worker')}{before}")

    def on_start(self, trial: int | str, cost: int, worker: int) -> None:
        epochs = self.settings.train.epochs
        if isinstance(trial, str):
            self._begin_family()
            epochs = self.settings.scaling.epochs or epochs
        self.started = True
        self.training[trial] = TrialProgress(worker, cost, epochs)

    def on_epoch(self, trial: int | str, measurement: Mapping[str, Any]) -> None:
        training = self.training[trial]
        training.epoch_done(measurement["epoch"], score_of(measurement))
        if isinstance(trial, str) and self.family:
            self.family.pace.epoch_done(training.worker, self.family.work(trial) / training.epochs, self.clock())
        elif self.search:
            self.search.pace.epoch_done(training.worker, 1.0, self.clock())
        if self._is_quiet():
            accuracy = f"{score_of(measurement):.1%}"
            self._line(f"{_name(trial)} epoch {training.epoch}/{training.epochs}: {accuracy} | {self._facts(trial)}")

    def on_record(self, record: TrialRecord) -> None:
        assert self.search is not None  # on_run comes first
        self.training.pop(record.trial, None)
        self.search.paused.pop(record.trial, None)
        self.search.records.append(record)
        outcome = record.reason if record.status == "failed" else of_record(record)
        text = f"trial {record.trial} {record.status}: {outcome} at {self.axis.shown(self.axis.of(record))}"
        if self.live and record.status == "failed":
            self.view.console.print(Text(text, style="red"), soft_wrap=True)
        self._line(f"{text} | {self._facts(record.trial)}")

    def on_pause(self, record: TrialRecord) -> None:
        assert self.search is not None
        self.training.pop(record.trial, None)
        self.search.paused[record.trial] = len(record.measurements)
        self._line(f"trial {record.trial} paused: {record.accuracy or 0.0:.1%} | {self._facts(record.trial)}")

    def on_family(self, scaling: ScalingSettings) -> None:
        self.settings = replace(self.settings, scaling=scaling)

    def on_member(self, name: str, metrics: Mapping[str, Any]) -> None:
        self._begin_family()
        self.training.pop(name, None)
        assert self.family is not None
        self.family.accuracies[name] = metrics["accuracy"]
        cost = self.axis.shown(metrics[self.axis.name])
        self._line(f"{name} trained: {in_words(metrics)} at {cost} | {self._facts(name)}")

    def render(self) -> RenderableType:
        """The live view of this moment."""
        parts: list[RenderableType] = [self.bars.get_renderable()] if self.steps else []
        if self.search:
            used = self.search.used(self._trials(), self.clock())
            parts += [_heading("search", used, f"{len(self.search.records)}{self._of()}"), Text(self._facts(0))]
        if self.family:
            done = len(self.family.accuracies)
            heading = _heading("family", done / len(MEMBERS), f"{done} of {len(MEMBERS)}")
            parts += [heading, Text(self._facts("A0"))]
        return Group(*parts, *([_training_table(self.training, self.axis)] if self.training else []))

    def _begin_family(self) -> None:
        if self.family is None:
            self.family = FamilyProgress(MEMBERS, self.settings.scaling.ratio)

    def _trials(self) -> dict[int, TrialProgress]:
        return {name: training for name, training in self.training.items() if isinstance(name, int)}

    def _of(self, joint: str = " of ") -> str:
        """How many trials there will be, where that is known."""
        assert self.search is not None
        trials = self.search.limits.trials
        return " trials" if trials is None else f"{joint}{trials}"

    def _facts(self, trial: int | str) -> str:
        """The numbers of the moment, of the search or of the family, in the order of interest."""
        now = self.clock()
        if isinstance(trial, str) and (family := self.family):
            facts = [f"{name} {accuracy:.1%}" for name, accuracy in sorted(family.accuracies.items())]
            members = {name: training for name, training in self.training.items() if isinstance(name, str)}
            return "   ".join([*facts, _time(now - self.began, family.seconds_left(members, now))])
        search = self.search
        assert search is not None
        facts = [] if self.live else [f"{len(search.records)}{self._of('/')}"]
        facts += [f"{search.ended(status)} {status}" for status in ("stopped", "failed") if search.ended(status)]
        if best := search.best:
            facts.append(f"best {best.accuracy or 0.0:.1%} at {self.axis.shown(self.axis.of(best))} (#{best.trial})")
            facts.append(f"front {search.front_size}, hypervolume {search.hypervolume:.3f}")
        if self.family:  # the search is over
            return "   ".join(facts)
        trials = self._trials()
        if not self.started:
            facts.append("workers are starting")
        elif search.used({}, now) >= 1:
            facts.append("the best becomes a family")
        return "   ".join([*facts, _time(now - self.began, search.seconds_left(trials, now))])

    def _is_quiet(self) -> bool:
        return self.clock() - self.spoke >= QUIET_SECONDS

    def _line(self, text: str) -> None:
        """A line, where the view cannot be redrawn."""
        if not self.live:
            self.spoke = self.clock()
            print(text, file=self.stream, flush=True)


def _heading(title: str, share: float, done: str) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    row.add_row(Text(title, style="bold"), ProgressBar(1.0, min(share, 1.0), width=30), Text(done))
    return row


def _training_table(training: Mapping[int | str, TrialProgress], axis: Axis) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("worker", "training", axis.unit, "epoch", "accuracy"):
        table.add_column(column, justify="right")
    for name, one in sorted(training.items(), key=lambda item: item[1].worker):
        accuracy = "" if one.accuracy is None else f"{one.accuracy:.1%}"
        cells = (str(one.worker + 1), _name(name), axis.cell(one.cost), f"{one.epoch}/{one.epochs}", accuracy)
        table.add_row(*cells)
    return table


def _name(trial: int | str) -> str:
    return trial if isinstance(trial, str) else f"#{trial}"


def _is_live(stream: TextIO) -> bool:
    in_ci = os.environ.get("CI", "").lower() in ("1", "true", "yes")
    return stream.isatty() and not in_ci and os.environ.get("TERM") != "dumb"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _time(gone: float, left: float | None) -> str:
    return f"{clock(gone)} gone" + (f", about {clock(left)} left" if left else "")
