"""Lines about how long the parts of an export will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Say = Callable[[str], None]

EVERY = 3.0  # seconds between lines


def silent(line: str) -> None:
    """Says nothing."""


def told(items: Iterable[Item], total: int, what: str, say: Say, each: int = 1) -> Iterator[Item]:
    """The items, of which there are `total`; every few seconds `say` hears how many are done and what is left.

    The first, in which graphs are traced, tells nothing of the others' time.  each: how many of `what` an item is.
    """
    begun = spoken = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if done == 1:
            begun = now
        elif now > spoken + EVERY:
            spoken, left = now, (now - begun) / (done - 1) * (total - done)
            say(f"{done * each:,} of {total * each:,} {what}, {left:.0f} s left")
