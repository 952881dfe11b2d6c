"""Files of JSON lines that grow, safe against a kill at any moment.

A line counts once it is on the disk whole: one write, then fsync.  A kill in between leaves at most a torn last line,
which readers ignore and the next append removes.  Standard library only.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from pathlib import Path

from movinet.machine.files import sync_folder

log = logging.getLogger(__name__)


def append_line(path: Path, line: str) -> None:
    """Adds one JSON object and returns when it is on the disk. One process writes at a time.

    Raises OSError when the disk takes less than the whole line; nothing of it stays then.
    """
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
    try:
        end, joint = _end_of_lines(file, path)
        content = joint + line.encode() + b"\n"
        try:
            if os.write(file, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        except OSError as error:
            os.ftruncate(file, end)
            raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(file)
    if is_new:
        sync_folder(path.parent)


def whole_lines(path: Path) -> list[bytes]:
    """All lines that count, without their line breaks; none where there is no file."""
    *lines, last = path.read_bytes().split(b"\n") if path.exists() else [b""]
    return [*lines, last] if _is_whole(last) else lines


def _end_of_lines(file: int, path: Path) -> tuple[int, bytes]:
    """Cuts a torn last line off. Returns the file's length then, and what must stand before the next line."""
    size = os.lseek(file, 0, os.SEEK_END)
    tail = b""
    while b"\n" not in tail and len(tail) < size:
        step = min(65536, size - len(tail))
        os.lseek(file, size - len(tail) - step, os.SEEK_SET)
        tail = os.read(file, step) + tail
    last = tail.rpartition(b"\n")[2]
    if _is_whole(last):  # only its line break is missing
        return size, b"\n"
    if last:
        size -= len(last)
        log.warning("%s: removed a torn last line of %d bytes", path.name, len(last))
        os.ftruncate(file, size)
    return size, b""


def _is_whole(line: bytes) -> bool:
    """A JSON object ends with its brace, so a prefix of a line is never one."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
