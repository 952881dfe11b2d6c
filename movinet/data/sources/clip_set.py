"""What a clip and a set of clips are, and which files and folders may be one. Standard library only."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from movinet.config.errors import InputError

VIDEO_SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".f4v", ".3gp", ".3g2", ".ogv"),
    *(".ts", ".mts", ".m2ts", ".m2t", ".vob", ".asf", ".dv", ".mxf", ".h264", ".264", ".hevc", ".265", ".y4m", ".gif"),
}
PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png"}
LITTER = {
    *("@eadir", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot", "$recycle.bin", "recycler"),
    *("system volume information", "__macosx", "lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini"),
}
STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of characters that are no letters
SEPARATOR = "|"  # between the classes of one clip, where a clip has several
DEFAULT_FRAME_RATE = 25.0  # of pictures that come without times, as Model Garden's shards of Kinetics have it


class SourceError(InputError):
    """There are no clips as described; the text names the file or folder and what is wrong."""


@dataclass(frozen=True)
class ClipFile:
    """One labelled clip: a whole file, or its part from `start` to `end` (seconds from the file's first frame).

    `path` may also be a folder of pictures, shown at `frames_per_second` (default 25), or a TFRecord file, where
    `offset` is the first byte of the clip's record and `key` the name it bears there.
    """

    path: Path
    label: str
    split: str = "train"  # train, val or test
    start: float | None = None
    end: float | None = None
    frames_per_second: float | None = None
    offset: int | None = None
    key: str | None = None

    @property
    def place(self) -> str:
        """Where it is, for people: its path, with the byte of its record where there is one."""
        return str(self.path) if self.offset is None else f"{self.path}@{self.offset}"

    @property
    def name(self) -> str:
        """What it is called, without folder and extension."""
        return self.key or (self.path.stem if self.path.suffix.lower() in VIDEO_SUFFIXES else self.path.name)

    @property
    def state(self) -> tuple[int, int] | None:
        """Size and time of change of its file or folder; None where that is gone. Another state: other frames."""
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_size, stat.st_mtime_ns


@dataclass(frozen=True)
class ClipSet:
    """Labelled clips. `labels` is sorted; a clip's class is its label's place there.

    missing: paths or names that a list holds and the disk lacks;  unlabelled: how many rows had no label (Kinetics'
    test lists), and clips no class folder;  ignored: files in class folders whose extension is not a video's;
    broken: (place, reason) of records that cannot be told apart, and of folders that cannot be read.
    notes: lines on lists that were not read or not used, and on clips whose split or class is doubtful.
    """

    labels: tuple[str, ...]
    clips: tuple[ClipFile, ...]
    missing: tuple[str, ...] = ()
    unlabelled: int = 0
    ignored: tuple[Path, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def split(self, name: str) -> tuple[ClipFile, ...]:
        """The clips of one split: "train", "val" or "test"."""
        return tuple(clip for clip in self.clips if clip.split == name)

    def left_out(self) -> list[str]:
        """What is named or lies there and is no clip, a line for each reason."""
        kinds = {
            "clips are listed, but not there": self.missing,
            "files or folders cannot be read": [f"{place} ({reason})" for place, reason in self.broken],
            "files have an extension that is not a video's": self.ignored,
        }
        return [
            printable(f"{len(names)} {what}, e.g. {', '.join(map(str, names[:3]))}")
            for what, names in kinds.items()
            if names
        ]

    def doubts(self) -> list[str]:
        """What may not be as it was meant, a line each: clips without a label, and those listed twice."""
        lines = [*self.notes]
        lines += [f"{self.unlabelled} clips have no label and are left out"] if self.unlabelled else []
        rows = defaultdict(list)
        for clip in self.clips:
            rows[clip.place, clip.start, clip.end].append(clip)
        twice = [found for found in rows.values() if len(found) > 1]
        if torn := [found[0].place for found in twice if len({clip.split for clip in found}) > 1]:
            lines.append(f"{len(torn)} clips are listed in more than one split, e.g. {torn[0]}")
        if again := [found[0].place for found in twice if len({clip.label for clip in found}) > 1]:
            lines.append(
                f"{len(again)} clips are listed more than once, e.g. {again[0]}; join its classes, as in run|jump"
            )
        return list(map(printable, lines))


def files_and_frame_folders(folder: Path, broken: list[tuple[str, str]] | None = None) -> Iterator[Path]:
    """Every file below `folder`, but a subfolder that holds pictures and no video as itself: a clip in frames.

    broken: gets (place, reason) of folders that cannot be read.
    """

    def note(error: OSError) -> None:
        if broken is not None:
            broken.append((str(error.filename), error.strerror or "cannot be read"))

    for place, folders, names in os.walk(folder, onerror=note, followlinks=True):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        names = sorted(name for name in names if not is_litter(name))
        if Path(place) != folder and _are_frames(names):
            if not _are_of_a_video(Path(place)):
                yield Path(place)
        else:
            yield from (Path(place, name) for name in names)


def printable(text: str) -> str:
    """Text without what would steer a terminal: controls, marks of direction, and bytes that are no letters."""
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in STEERING else c for c in text)


def is_text(text: str) -> bool:
    """Whether a name can be written in UTF-8, which bytes of older systems cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden, or is what NAS, Mac and Windows leave beside people's own."""
    return name.startswith(".") or name.lower() in LITTER


def is_clip(path: Path) -> bool:
    """Whether a path is a video's by its name, or a folder of pictures."""
    return path.suffix.lower() in VIDEO_SUFFIXES or (path.is_dir() and _are_frames(os.listdir(path)))


def pictures(folder: Path) -> list[Path]:
    """The pictures of a frame folder in natural order: 2 comes before 10."""
    return sorted((path for path in folder.iterdir() if _is_picture(path.name)), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", path.name)]


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def _are_of_a_video(folder: Path) -> bool:
    """A folder that is called like a video beside or above it holds pictures of that one: thumbnails, posters."""
    named = Path(folder.name).suffix.lower() in VIDEO_SUFFIXES
    return named and any((above / folder.name).is_file() for above in folder.parents[1:3])


def _are_frames(names: list[str]) -> bool:
    suffixes = {os.path.splitext(name)[1].lower() for name in names if not name.startswith(".")}
    return bool(suffixes & PICTURE_SUFFIXES) and not suffixes & VIDEO_SUFFIXES
