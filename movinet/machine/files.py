"""Files and folders that are there whole or not at all, whatever ends the process that writes them.

What is written lies in a folder `.draft-HOST-PID-...` beside its place, under its last name, until it is whole and on
the disk; it is then renamed.  What a killed process left there goes with the next write beside it.  Standard library
only.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DRAFT = ".draft-"
OLD = ".old"  # in a draft: what a new folder takes the place of, for the moment between two renames
FOREIGN_SECONDS = 86_400  # after which another machine's draft is taken for abandoned


def write_whole(path: str | Path, content: str | bytes, sync: bool = True) -> None:
    """Writes or replaces a file, text in UTF-8, as `whole` does."""
    with whole(path, sync) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole(path: str | Path, sync: bool = True) -> Iterator[Path]:
    """Within the block, where to write a file or a folder that then appears at `path`, and replaces what is there.

    After an error, or when nothing was written, `path` is as it was; OSErrors are about `path`.  The folders above it
    are made, a link is followed, and a device or pipe is written to.  sync: False for what is one of many, easily made.
    """
    path = Path(path)
    try:
        target = path.resolve() if path.is_symlink() else path
        with drafts(Path(tempfile.gettempdir()) if _is_stream(target) else target.parent) as folder:
            draft = folder / target.name
            yield draft
            if draft.exists():
                put(draft, target, sync)
    except OSError as error:
        if error.errno and (error.filename is None or DRAFT in os.fsdecode(error.filename)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def drafts(parent: Path) -> Iterator[Path]:
    """Within the block, a folder in `parent` for files that are `put` in their places there when all are whole."""
    parent.mkdir(parents=True, exist_ok=True)
    clear_drafts(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{DRAFT}{_host()}-{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(draft: Path, path: Path, sync: bool = True) -> None:
    """Gives what lies in a folder of `drafts` its place; a folder or file that is there makes way."""
    if _is_stream(path):
        path.write_bytes(draft.read_bytes())
        return
    if sync:
        for each in (draft, *draft.rglob("*")) if draft.is_dir() else (draft,):
            _sync(each)
    if draft.is_dir() and path.is_dir():  # a folder cannot replace one that holds anything
        old = draft.parent / OLD / path.name
        old.parent.mkdir(exist_ok=True)
        os.rename(path, old)
    os.replace(draft, path)
    if sync:
        _sync(path.parent)


def put_all(folder: Path, last: str) -> None:
    """Gives all that lies in a folder of `drafts` its place, the files whose names end in `last` after the others."""
    for draft in sorted(folder.iterdir(), key=lambda draft: (draft.name.endswith(last), draft.name)):
        if draft.name != OLD:
            put(draft, folder.parent / draft.name)


def clear_drafts(folder: Path) -> None:
    """Removes what killed processes left in a folder; an old folder that was just making way is put back."""
    for draft in [Path(entry.path) for entry in os.scandir(folder) if entry.name.startswith(DRAFT)]:
        if _is_abandoned(draft):
            for old in (draft / OLD).glob("*"):
                if not (folder / old.name).exists():
                    os.rename(old, folder / old.name)
            shutil.rmtree(draft, ignore_errors=True)


def is_empty(folder: Path) -> bool:
    """Whether nothing lies in a folder, or it is not there; drafts of killed processes are cleared."""
    if not folder.exists():
        return True
    clear_drafts(folder)
    return not any(folder.iterdir())


def sync_folder(folder: Path) -> None:
    """Puts names that are new in a folder on the disk, where the system can (not on Windows)."""
    _sync(folder)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_stream(path: Path) -> bool:
    """A device, a pipe or a socket: it can be written to, not replaced."""
    return path.exists() and not (path.is_file() or path.is_dir())


def _is_abandoned(draft: Path) -> bool:
    host, _, rest = draft.name.removeprefix(DRAFT).partition("-")
    pid = rest.partition("-")[0]
    if host == _host() and pid.isdigit() and os.name == "posix":
        return int(pid) != os.getpid() and not _lives(int(pid))
    with contextlib.suppress(OSError):
        return time.time() - draft.stat().st_mtime > FOREIGN_SECONDS
    return False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"
