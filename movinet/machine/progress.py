"""How far a piece of work has come, and how long the rest will take: one countdown for every command.

Standard library only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Count = Callable[[int, int], None]  # (pieces done, in all)
CountOf = Callable[[str, int, int], None]  # (of what, pieces done, in all)
Say = Callable[[str], None]  # takes a line

EVERY = 3.0  # seconds between lines of `counted`


class Countdown:
    """The time left at the speed since `begin`, and when to tell it: every so many seconds of `now`."""

    def __init__(self, every: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self.every, self.now = every, now
        self.told = now()
        self.begin(0)

    def begin(self, done: float) -> None:
        """The speed is taken from now on; `done` of the work was done before."""
        self.began, self.first = self.now(), done

    @property
    def is_due(self) -> bool:
        """Whether it is time to tell it again; once it was, the time counts anew."""
        is_due = self.now() - self.told >= self.every
        if is_due:
            self.told = self.now()
        return is_due

    @property
    def gone(self) -> float:
        """Seconds since `begin`."""
        return self.now() - self.began

    def left(self, done: float, total: float) -> str:
        """The end of a line: ", 12 min 5 s left"; nothing as long as nothing tells how fast it goes."""
        return f", {clock(self.gone / (done - self.first) * (total - done))} left" if done > self.first else ""


class Progress:
    """Tells on standard error how far work is: in place on a terminal, else a line every ten seconds.

    least: seconds that work has to take before anything is told of it.
    """

    def __init__(self, least: float = 0.0) -> None:
        self.least = least
        self.is_terminal = sys.stderr.isatty()
        self.countdown = Countdown(0.2 if self.is_terminal else 10.0)
        self.counted = ("", 0)

    def count(self, what: str, done: int, total: int) -> None:
        """`done` of `total` are done, such as "clips decoded". The first tells nothing of the time of the others."""
        before, counted = self.counted
        if what != before or done < counted:
            self.countdown.begin(done)
        self.counted = what, done
        self._tell(f"{what} {done}/{total}", done, total, done == total)

    def note(self, text: str) -> None:
        """A line that stays."""
        self._write(text, "\n")

    def clear(self) -> None:
        """A terminal's line makes room for another's."""
        if self.is_terminal:
            self._write("", "\r")

    def _tell(self, text: str, done: int, total: int, is_last: bool) -> None:
        if self.countdown.gone >= self.least and (self.countdown.is_due or is_last):
            self._write(text + self.countdown.left(done, total), "\n" if is_last or not self.is_terminal else "")

    def _write(self, text: str, end: str) -> None:
        print(f"\r{text:<79}" if self.is_terminal else text, end=end, file=sys.stderr, flush=True)


def counted(items: Iterable[Item], total: int, what: str, say: Say, each: int = 1) -> Iterator[Item]:
    """The items, of which there are `total`; every few seconds `say` hears how many are done and what is left.

    The first, in which graphs are traced, tells nothing of the others' time.  each: how many of `what` an item is.
    """
    countdown = Countdown(EVERY)
    for done, item in enumerate(items, 1):
        yield item
        if done == 1:
            countdown.begin(done)
        elif countdown.is_due:
            say(f"{done * each:,} of {total * each:,} {what}{countdown.left(done, total)}")


def silent(line: str) -> None:
    """Says nothing."""


def clock(seconds: float) -> str:
    """45 s, 12 min 5 s, 3 h 20 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
