"""Measurements one after the other, each in a process of its own that answers in a line of JSON."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from movinet.machine.progress import Countdown

OUT_OF_MEMORY = -9  # the kernel's answer to a process that wants more than there is
ERROR = re.compile(r"[\w.]*(Error|Exception)\b")  # as Python begins the last lines of a traceback
Work = TypeVar("Work")


def answer(command: Sequence[str], limit: float, threads: int = 0) -> dict[str, Any]:
    """What a program's last line says; {"failure": reason} where it fails or takes more than `limit` seconds.

    threads: 0 for all cores.
    """
    limited = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **limited}
    try:
        done = subprocess.run(
            list(command), capture_output=True, encoding="utf-8", errors="replace", timeout=limit, env=environment
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"over {limit:g} s"}
    if done.returncode:
        return {"failure": _reason(done.returncode, done.stderr)}
    return json.loads(done.stdout.splitlines()[-1])


def announced(
    jobs: Sequence[Work], seconds: Callable[[Work], float], name: Callable[[Work], str], tell: Callable[[str], None]
) -> Iterator[Work]:
    """The jobs, each announced with its number and how long those left will take, by what they took so far.

    seconds: about how long a job takes; only the proportions count.
    """
    countdown, total, done = Countdown(), sum(map(seconds, jobs)), 0.0
    for number, job in enumerate(jobs, 1):
        tell(f"[{number}/{len(jobs)}{countdown.left(done, total)}] {name(job)}")
        yield job
        done += seconds(job)


def machine(threads: int) -> dict[str, Any]:
    """Where the figures were taken."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "threads": threads or cores,
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _reason(code: int, errors: str) -> str:
    if code == OUT_OF_MEMORY:
        return "killed, probably out of memory"
    if code < 0:  # what it said last is not why
        return f"ended by {signal.Signals(-code).name}"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    named = [line for line in lines if ERROR.match(line)]  # a message may go on for lines
    return (named or lines or [f"exit code {code}"])[-1][:200]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
