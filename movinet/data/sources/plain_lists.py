"""Lists of clips without a header: lines that begin with a clip, or hold one in one column. Standard library only."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from movinet.data.sources.clip_set import SEPARATOR, VIDEO_SUFFIXES, pictures
from movinet.data.sources.finder import Finder
from movinet.data.sources.rows import Row, unquoted
from movinet.data.sources.splits import split_of
from movinet.data.sources.text import DELIMITERS, fields_of

LOOKED_AT = 200  # lines, of which the form of a list without a header is told
PROSE = re.compile(r"(readme|licen[cs]e|copying|change_?log|notes?|todo|requirements)\b", re.IGNORECASE)  # are no lists
HMDB = re.compile(r"(.+)_test_split\d+$")
HMDB_SPLITS = {"0": "unused", "1": "train", "2": "test"}
VIDEO = re.compile(rf"(.*?(?<=\S)(?:{'|'.join(map(re.escape, sorted(VIDEO_SUFFIXES)))}))(?:\s+|$)", re.IGNORECASE)


def rows_without_header(path: Path, lines: list[str], finder: Finder) -> list[Row] | None:
    """The rows of lines that begin with, or hold in one column, a clip's name."""
    if PROSE.match(path.stem):
        return None
    some = lines[:: max(1, len(lines) // LOOKED_AT)]
    if not some:
        return None
    begin = sum(_split_line(line, finder) is not None for line in some) / len(some)
    share, delimiter, column = _likeliest_column(some, lines, finder)
    if max(begin, share) < 0.5:
        return None
    if begin > share:
        return _meant(path, [_split_line(line, finder) or (line, []) for line in lines], finder, spaced=True)
    fields = [[*row, *[""] * (column + 1 - len(row))] for row in fields_of(lines, delimiter)]
    return _meant(path, [(row[column], [*row[:column], *row[column + 1 :]]) for row in fields], finder, spaced=False)


def _likeliest_column(some: list[str], lines: list[str], finder: Finder) -> tuple[float, str, int]:
    """Where the names are, if fields are divided by a delimiter: share of lines that have one there, delimiter, column.

    Of a large set only a few clips may be there; where all lines are alike, one will do.
    """
    best = (0.0, ",", 0)
    for delimiter in DELIMITERS:
        rows = list(fields_of(some, delimiter))
        if sum(len(row) > 1 for row in rows) < 0.8 * len(rows):
            continue
        for column in range(min(4, *map(len, rows))):
            share = sum(_is_clip(row[column], finder) for row in rows) / len(rows)
            best = (share, delimiter, column) if share > best[0] else best
        alike = best[0] < 0.5 and len({len(row) for row in rows}) == 1
        if alike and any(finder.is_there(row[0]) for row in fields_of(lines, delimiter)):
            best = (0.5, delimiter, 0)
    return best


def _meant(path: Path, pairs: Sequence[tuple[str, list[str]]], finder: Finder, spaced: bool) -> list[Row]:
    """What the fields beside a name mean: a column of split words, numbers of frames, and labels."""
    hmdb = HMDB.match(path.stem)
    if hmdb and all(len(rest) == 1 and rest[0] in HMDB_SPLITS for _, rest in pairs):
        return [Row((name,), hmdb[1], HMDB_SPLITS[rest[0]]) for name, rest in pairs]
    place = _split_column([rest for _, rest in pairs])
    rows = []
    for name, rest in pairs:
        split = rest[place] if place is not None else ""
        rest = [each for each in (rest if place is None else rest[:-1] if place == -1 else rest[1:]) if each]
        frames = None
        if 2 <= len(rest) <= 3 and all(each.isdecimal() for each in rest):
            folder = finder.find(name)
            if folder is not None and folder.is_dir():
                rest, frames = _framed(folder, [int(each) for each in rest])
        numbers = all(each.isdecimal() for each in rest)
        label = " ".join(rest) if spaced and not numbers else SEPARATOR.join(sorted(set(rest)))
        rows.append(Row((name,), unquoted(label), split, frames=frames))
    return rows


def _framed(folder: Path, rest: list[int]) -> tuple[list[str], tuple[int, int] | None]:
    """Of the numbers after a folder of pictures the label, and its first and last frame."""
    if len(rest) == 3:
        first, last, label = rest
        return [str(label)], (first, last) if last >= first else (first, first + last - 1)
    count, label = rest
    there = len(pictures(folder))
    return ([str(label)], None) if abs(count - there) <= 1 else ([str(each) for each in rest], None)


def _split_column(rests: Sequence[Sequence[str]]) -> int | None:
    """The first or last field of every row, where it is a split's word and something else is left."""
    for place in (-1, 0):
        if rests and all(len(rest) > 1 and split_of(rest[place]) for rest in rests):
            return place
    return None


def _split_line(line: str, finder: Finder) -> tuple[str, list[str]] | None:
    """The name that a line begins with, which may hold spaces, and the words after it; None where it has none."""
    if line.startswith('"'):
        name, *rest = next(fields_of([line], " "))
        return (name, rest) if _is_clip(name, finder) else None
    if found := VIDEO.match(line):
        return found[1].rstrip(), line[found.end() :].strip(" ,;\t").split()
    words = line.split()
    known = [count for count in range(1, min(len(words), 6) + 1) if finder.is_there(" ".join(words[:count]))]
    return (" ".join(words[: known[-1]]), words[known[-1] :]) if known else None


def _is_clip(name: str, finder: Finder) -> bool:
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES or finder.is_there(name)
