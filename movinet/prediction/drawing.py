"""A file that `predict` draws while a video goes on: refused before the video is read, whole or not there after it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from movinet.config.errors import InputError
from movinet.machine.files import whole

KEPT = (None, KeyboardInterrupt, BrokenPipeError)  # what a drawing may end by: the video's end, or nobody wants more


class Drawing:
    """Draws beside its file, which is replaced at once when the `with` block ends; after an error it stays as it was.

    A drawing that is interrupted is whole too, as far as it came.
    """

    def __init__(self, path: str | Path):
        self._path = Path(path)

    def __enter__(self) -> Self:
        self._whole = whole(self._path)
        self._draft = self._whole.__enter__()
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        with ExitStack() as stack:
            stack.push(self._whole)
            self._end(kept := kind in KEPT)
            if not kept:
                self._draft.unlink(missing_ok=True)

    def _end(self, kept: bool) -> None:
        """Closes what is drawn; `kept`: and makes it whole."""
        raise NotImplementedError

    def refuse(self, source: str) -> None:
        """Raises InputError where the file cannot be written, or is what is to be read."""
        if self._path.is_dir():
            raise InputError(f"{self._path}: is a folder; allowed: a file")
        if self._path.exists() and Path(source).exists() and self._path.samefile(source):
            raise InputError(f"{self._path}: is the video that is read; allowed: another file")
        try:
            with whole(self._path):
                pass
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written ({error.strerror})") from error
