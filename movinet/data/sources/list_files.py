"""Which files beside clips are lists, and what is said of those that are not read. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from movinet.data.sources.class_names import class_names
from movinet.data.sources.clip_set import SourceError, is_clip, is_litter
from movinet.data.sources.finder import Finder
from movinet.data.sources.lists import SUFFIXES, ClipList, read_list
from movinet.data.sources.splits import split_in_name
from movinet.data.sources.text import lines_of, text_of

OURS = ("manifest.json", "moving_shapes.json", "unfinished.jsonl", "index.json")  # beside our own lists
MOST_FOLDERS = 100  # folders beside the clips that are looked into for lists
SHOWN = 60  # letters of a first line
TOLD = 10  # files that are named each in a line
FORMS = "a header with a clip's path and its label, or a clip and its label a line"


@dataclass(frozen=True)
class Found:
    """Lists of clips, the names of their classes by number, and (file, why, whether it names a clip) of other files."""

    lists: tuple[ClipList, ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    unread: tuple[tuple[Path, str, bool], ...] = ()

    def notes(self, folder: Path) -> list[str]:
        """A line for each file that was not read; of those in other folders only where they name clips."""
        told = [(path, why) for path, why, named in self.unread if named or path.parent == folder]
        lines = [f"{path.name} is not read: {why}" for path, why in told[:TOLD]]
        more = len(told) - TOLD
        return [*lines, f"{more} more files are not read, e.g. {told[TOLD][0].name}"] if more > 0 else lines

    def refuse_half(self) -> None:
        """Raises SourceError where a list of a split is not read while another list is."""
        for path, why, names_clips in self.unread:
            if names_clips and split_in_name(path.name):
                raise SourceError(f"{path}: a list that is not understood, beside {self.lists[0].path.name}: {why}")


def list_files(folder: Path) -> list[Path]:
    """Files that may be lists: in a folder, and in folders in it that hold such files and no clips, as annotations/."""
    files = _candidates(folder)
    children = [child for child in sorted(folder.iterdir()) if child.is_dir() and not is_litter(child.name)]
    for child in children[:MOST_FOLDERS]:
        try:
            entries = list(child.iterdir())
        except OSError:
            continue
        if not any(entry.is_dir() or is_clip(entry) for entry in entries):
            files += _candidates(child)
    return files


def read_lists(files: Iterable[Path], finder: Finder, beside: Sequence[Path] = ()) -> Found:
    """What the files hold; of those `beside` only names of classes are taken."""
    lists, names, unread = [], {}, []
    for path in (*files, *beside):
        try:
            text = text_of(path)
        except OSError as error:
            unread.append((path, error.strerror or "it cannot be read", False))
            continue
        found = None if text is None else class_names(path, text)
        if found and not any(_names_a_clip(name, finder) for name in found.values()):
            names = names or found
        elif path in beside:
            continue
        elif text is None or not lines_of(text):
            unread.append((path, "it is no text" if text is None else "it is empty", False))
        elif each := read_list(path, text, finder):
            lists.append(each)
        else:
            unread.append((path, *_first_line(text, finder)))
    return Found(tuple(lists), names, tuple(unread))


def _names_a_clip(text: str, finder: Finder) -> bool:
    return any(is_clip(Path(word)) or finder.is_there(word) for word in {text, *text.split()})


def _candidates(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in SUFFIXES and file.is_file() and not is_litter(file.name) and file.name not in OURS
    ]


def _first_line(text: str, finder: Finder) -> tuple[str, bool]:
    """What a file begins with and what was looked for; and whether some line of it names a clip."""
    lines = lines_of(text)
    first = lines[0] if len(lines[0]) <= SHOWN else lines[0][:SHOWN] + "…"
    words = (word.strip("\"',;{}[]:") for line in lines for word in line.replace(",", " ").replace(";", " ").split())
    named = any(finder.is_there(word) for word, _ in zip(words, range(10_000), strict=False) if word)
    return f"it begins with {first!r}; looked for {FORMS}", named
