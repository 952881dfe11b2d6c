"""One process at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from movinet.config.typed import ConfigError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Raises ConfigError while another process works there; the system frees the lock when that one dies."""
    with (folder / ".lock").open("a+", encoding="utf-8") as file:
        if not _taken(file, wait=False):
            file.seek(0)
            raise ConfigError(f"{folder} is being written by process {file.read() or '?'}; wait, or stop it")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Waits while another process builds this folder; the lock lies beside it, so that it can be replaced."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a", encoding="utf-8") as file:
        _taken(file, wait=True)
        yield


def _taken(file: IO[str], wait: bool) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: two in one folder are not noticed
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
