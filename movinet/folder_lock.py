"""One process at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from movinet.typed import ConfigError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Raises ConfigError while another process works there; the system frees the lock when that one dies."""
    with (folder / ".lock").open("a+") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows: two in one folder are not noticed
            pass
        except OSError as error:
            file.seek(0)
            raise ConfigError(f"{folder} is being written by process {file.read() or '?'}; wait, or stop it") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
