"""Runs a function over many files on the machines of a Ray cluster, as `workers.in_processes` does on this one.

The files must lie under the same paths on all of them; what the function returns comes here.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from movinet.config.errors import InputError

CONNECT_SECONDS = 5
ANSWER_SECONDS = 20
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

    host, _, port = address.rpartition(":")
    if address != "auto" and not (host and port.isdecimal() and int(port) < 2**16):
        raise InputError(f"--address {address} is not allowed; allowed: auto, or host:port")
    try:
        if host:
            socket.create_connection((host.removeprefix("ray://"), int(port)), CONNECT_SECONDS).close()
        _try(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        late = f"for {ANSWER_SECONDS} s" if isinstance(error, subprocess.TimeoutExpired) else None
        reason = late or " ".join(str(error).split())[:200]
        raise InputError(f"--address {address}: no Ray cluster answers there ({reason})") from error


def _try(address: str) -> None:
    """Joins in a process that can be ended: where something else listens, Ray itself would try for minutes."""
    joining = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')"
    command = [sys.executable, "-c", joining, address]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=ANSWER_SECONDS)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])


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
