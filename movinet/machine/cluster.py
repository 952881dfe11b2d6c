"""Runs a function over many files on the machines of a Ray cluster, as `workers.in_processes` does on this one.

The files must lie under the same paths on all of them; what the function returns comes here.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from movinet.config.errors import InputError

CONNECT_SECONDS = 10
IN_FLIGHT_PER_CORE = 4  # bounded: results are whole clips


@contextmanager
def machines(address: str) -> Iterator[Callable[..., Iterator[Any]]]:
    """Within the block, what maps a function over a cluster that runs: "auto" for this machine's, or "host:port"."""
    import ray

    connect(address)
    try:
        yield _over_cluster
    finally:
        ray.shutdown()


def connect(address: str) -> None:
    """Joins the Ray cluster at "auto" or "host:port". Raises InputError where none answers."""
    import ray

    try:
        host, _, port = address.rpartition(":")
        if host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        first = " ".join(str(error).split())
        raise InputError(f"--address {address}: no Ray cluster answers there ({first})") from error


def _over_cluster(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    workers: int | None = None,
    crashed: Callable[[Any], Any] | None = None,
) -> Iterator[Any]:
    """`function(item)` for each item, in order, on `workers` cores (default: all); `crashed(item)` where it dies."""
    import ray
    from ray.exceptions import NodeDiedError, WorkerCrashedError

    count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting: deque[tuple[Any, Any]] = deque()

    @ray.remote(num_cpus=1, max_retries=1)
    def run(item: Any) -> Any:
        return function(item)

    def result() -> Any:
        item, reference = waiting.popleft()
        try:
            return ray.get(reference)
        except (WorkerCrashedError, NodeDiedError):
            if crashed is None:
                raise
            return crashed(item)

    for item in items:
        waiting.append((item, run.remote(item)))
        if len(waiting) >= IN_FLIGHT_PER_CORE * count:
            yield result()
    while waiting:
        yield result()
