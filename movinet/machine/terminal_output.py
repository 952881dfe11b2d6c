"""Keeps the terminal to ourselves: what Ray, TensorFlow and their processes print goes to a log file.

Python's own redirection is not enough, since C++ code writes to the file descriptors themselves and child processes
inherit them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def output_to(log_file: str | Path) -> Iterator[TextIO]:
    """Within the block, descriptors 1 and 2 append to `log_file`; yields a stream to the standard output as it was.

    Whoever has something to say to the user (a live view) writes to that stream.
    """
    path = Path(log_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    terminal = os.fdopen(os.dup(1), "w", buffering=1, encoding=encoding, errors="replace")
    try:
        for number in kept:
            os.dup2(log, number)
        yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in kept.items():
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(log)
        with contextlib.suppress(BrokenPipeError):  # nobody reads it any more; what was written before said so
            terminal.close()
