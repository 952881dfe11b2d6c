"""Runs a function over many files in several processes; a file that kills its process costs that file, not the run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any

# A new process takes longer to start than this many small clips take to decode.
ITEMS_PER_PROCESS = 16

Parallel = Callable[..., Iterator[Any]]  # called as in_processes is


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    workers: int | None = None,
    crashed: Callable[[Any], Any] | None = None,
) -> Iterator[Any]:
    """`function(item)` for each item, in order, on `workers` processes (default: one per core).

    `function` is a module's function, its module importing little.  Where it kills its process (a fault in a decoder),
    the result is `crashed(item)`.  Few items are done in this process.
    """
    workers = min(workers or available_cores(), 1 + len(items) // ITEMS_PER_PROCESS)
    if workers == 1:
        yield from map(function, items)
        return
    done = 0
    while done < len(items):
        try:
            for result in _pooled(function, items[done:], workers):
                yield result
                done += 1
        except BrokenProcessPool:  # the culprit is among those under way: one at a time until it is found
            for item in items[done : done + 4 * workers]:
                yield _alone(function, item, crashed)
                done += 1


def _pooled(function: Callable[[Any], Any], items: Sequence[Any], workers: int) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()  # bounded: results are whole clips
    pool = _pool(workers)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _alone(function: Callable[[Any], Any], item: Any, crashed: Callable[[Any], Any] | None) -> Any:
    with _pool(1) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenProcessPool:
            if crashed is None:
                raise
            return crashed(item)


def _pool(workers: int) -> ProcessPoolExecutor:
    # spawn: a forked child of a process that runs TensorFlow or Ray may hang
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_live_and_die_with_parent)


def _live_and_die_with_parent() -> None:
    """An interrupt is the parent's to handle; a parent that was killed leaves no orphans behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
