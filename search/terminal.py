"""What a user sees of a run: one live view, or plain lines where there is no terminal to redraw (or CI=true).

rich is imported here and nowhere else.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from results.record import TrialRecord
from search.progress import Running, SearchProgress

QUIET_SECONDS = 15.0  # without a terminal: the longest silence, and the least time between two lines of one step


class Terminal:
    """Says what happens. live: redraw in place; default: where the stream is a terminal and CI is not set."""

    def __init__(self, stream: TextIO | None = None, live: bool | None = None):
        self.stream = stream or sys.stdout
        self.live = _is_live(self.stream) if live is None else live
        self.console = Console(file=self.stream, force_terminal=self.live, highlight=False)

    def say(self, text: str) -> None:
        """One line or more, as they are."""
        if self.live:
            self.console.print(Text(text), soft_wrap=True)
        else:
            print(text, file=self.stream, flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """A step with a bar and the time left; yields the function to be called with (done, total)."""
        if not self.live:
            yield _PlainStep(title, self.say)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=self.console) as progress:
            bar = progress.add_task(title, total=None)
            yield lambda done, total: progress.update(bar, completed=done, total=total)


class _PlainStep:
    """The lines of one step: the first call, then one every `QUIET_SECONDS`, and the last."""

    def __init__(self, title: str, say: Callable[[str], None]):
        self.title, self.say = title, say
        self.began = self.said = time.monotonic()
        say(f"{title} ...")

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self.said < QUIET_SECONDS:
            return
        self.said = now
        left = f", {_clock((now - self.began) / done * (total - done))} left" if 0 < done < total else ""
        self.say(f"{self.title}: {done}/{total}, {_clock(now - self.began)}{left}")


class SearchView:
    """Shows a search as its events come in; a context manager, so that the terminal is left tidy."""

    def __init__(self, terminal: Terminal, title: str, progress: SearchProgress):
        self.terminal, self.title, self.progress = terminal, title, progress
        self.said = time.monotonic()
        self.view = Live(console=terminal.console, get_renderable=self.render, refresh_per_second=4, transient=True)

    def __enter__(self) -> SearchView:
        if self.terminal.live:
            self.view.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.terminal.live:
            self.view.stop()

    def trial_started(self, trial: int, running: Running) -> None:
        self.progress.trial_started(trial, running)

    def epoch_done(self, trial: int, epoch: int, accuracy: float) -> None:
        self.progress.epoch_done(trial, epoch, accuracy)
        if not self.terminal.live and time.monotonic() - self.said > QUIET_SECONDS:
            self._say_line(f"trial {trial} epoch {epoch}/{self.progress.running[trial].epochs}: {accuracy:.1%}")

    def trial_ended(self, record: TrialRecord) -> None:
        self.progress.trial_ended(record)
        outcome = record.reason if record.status == "failed" else f"{record.accuracy or 0.0:.1%}"
        text = f"trial {record.trial} {record.status}: {outcome} at {_mflops(record.cost['flops'])}"
        if not self.terminal.live:
            self._say_line(text)
        elif record.status == "failed":
            self.terminal.say(text)

    def _say_line(self, event: str) -> None:
        self.said = time.monotonic()
        self.terminal.say(f"{event} | {', '.join(self._facts())}")

    def _facts(self) -> list[str]:
        """The numbers of the moment, in the order of interest."""
        p, now = self.progress, time.monotonic()
        best = p.best
        left = p.seconds_left(now)
        facts = [f"{len(p.records)}/{p.trials} done"]
        facts += [f"{p.count(status)} {status}" for status in ("stopped", "failed") if p.count(status)]
        if best:
            facts.append(f"best {best.accuracy or 0.0:.1%} at {_mflops(best.cost['flops'])} (trial {best.trial})")
            facts.append(f"front {p.front_size}, hypervolume {p.hypervolume:.3f}")
        return [*facts, f"{_clock(now - p.began)} gone" + (f", about {_clock(left)} left" if left is not None else "")]

    def render(self) -> Group:
        p = self.progress
        heading = Table.grid(padding=(0, 2))
        bar = ProgressBar(p.trials, len(p.records), width=30)
        heading.add_row(Text(self.title, style="bold"), bar, Text(self._facts()[0]))
        workers = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("worker", "trial", "MFLOPs", "epoch", "accuracy"):
            workers.add_column(name, justify="right")
        for trial, running in sorted(p.running.items(), key=lambda item: item[1].worker):
            accuracy = "" if running.accuracy is None else f"{running.accuracy:.1%}"
            cells = (str(running.worker), f"#{trial}", f"{running.flops / 1e6:.2f}")
            workers.add_row(*cells, f"{running.epoch}/{running.epochs}", accuracy)
        return Group(heading, Text("   ".join(self._facts()[1:])), workers)


def _is_live(stream: TextIO) -> bool:
    in_ci = os.environ.get("CI", "").lower() in ("1", "true", "yes")
    return stream.isatty() and not in_ci and os.environ.get("TERM") != "dumb"


def _mflops(flops: float) -> str:
    return f"{flops / 1e6:.3g} MFLOPs"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
