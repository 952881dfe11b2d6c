"""Where the clips lie that lists name. Standard library only."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from movinet.data.sources.clip_set import VIDEO_SUFFIXES, files_and_frame_folders, is_clip
from movinet.data.sources.splits import split_of


class Finder:
    """Finds what lists name below a folder: by path, by the end of a path, or by name alone, with any video's suffix.

    places: what relative paths are tried from.  prefix: what stands for the beginning of paths of another machine.
    broken: (place, reason) of folders that cannot be read.
    """

    def __init__(self, root: Path, places: Sequence[Path] = (), prefix: Path | None = None):
        self.root, self.prefix = root, prefix
        self.places = list(dict.fromkeys([*places, root]))
        self.broken: list[tuple[str, str]] = []

    def find(self, name: str, label: str = "", split: str = "") -> Path | None:
        """The file or folder that a name means; of several that of the label's own folder."""
        for text in dict.fromkeys((name, name.replace("\\", "/"))):
            parts = [part for part in text.split("/") if part not in ("", ".")]
            if not parts:
                return None
            for place in self.places:
                if os.path.exists(path := place / text):
                    return path
            if self.prefix and (path := self._below_prefix(parts)):
                return path
        if PurePosixPath(text).is_absolute() or re.match(r"[A-Za-z]:", text) or ".." in parts:
            return None
        return self._by_name(parts, label, split)

    def is_there(self, name: str) -> bool:
        """Whether a name means a clip that is there."""
        path = self.find(name)
        return path is not None and is_clip(path)

    def _below_prefix(self, parts: list[str]) -> Path | None:
        assert self.prefix is not None
        ends = (self.prefix.joinpath(*parts[first:]) for first in range(len(parts)))
        return next((path for path in ends if os.path.exists(path)), None)

    def _by_name(self, parts: list[str], label: str, split: str) -> Path | None:
        name, above = parts[-1], tuple(parts[:-1])
        candidates = self._index.get(name) or self._index.get(_stem(name), [])
        candidates = [path for path in candidates if not above or path.parent.parts[-len(above) :] == above]
        return _best(candidates, label, split) if candidates else None

    @cached_property
    def _index(self) -> dict[str, list[Path]]:
        """Every clip below the folder by its name, and by its name without a video's suffix."""
        index = defaultdict(list)
        for path in files_and_frame_folders(self.root, self.broken):
            if is_clip(path):
                for name in {path.name, _stem(path.name)}:
                    index[name].append(path)
        return index


def letters(text: str) -> str:
    """What is left of a class's name however it is spelt: with spaces, underscores, capitals."""
    return re.sub(r"[\W_]+", "", text.casefold())


def _best(candidates: list[Path], label: str, split: str) -> Path:
    def fit(file: Path) -> tuple[bool, bool, str]:
        parents = [parent.name for parent in file.parents]
        in_class = any(letters(parent) == letters(label) for parent in parents)
        in_split = any(split and split_of(parent) == split for parent in parents)
        return not in_class, not in_split, str(file)

    return min(candidates, key=fit) if len(candidates) > 1 else candidates[0]


def _stem(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in VIDEO_SUFFIXES else name
