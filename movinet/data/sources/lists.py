"""Lists of clips as text files: which kind a file is, and its rows. Standard library only."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from movinet.data.sources.clip_set import VIDEO_SUFFIXES, SourceError

SUFFIXES = (".csv", ".txt", ".tsv", ".list")
KINETICS = ("label", "youtube_id", "time_start", "time_end", "split", "is_cc")


def kind_of(file: Path) -> str | None:
    """kinetics, table (path and label columns), lines ("path label" each), or None: no list of clips."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        first = text.readline()
    try:
        fields = next(csv.reader([first]), [])
    except csv.Error:  # something else than text
        return None
    columns = {name.strip().lower() for name in fields}
    if {"youtube_id", "time_start", "time_end"} <= columns or _by_place(fields):
        return "kinetics"
    if {"path", "label"} <= columns:
        return "table"
    line = _line(first)
    return "lines" if line and Path(line["path"]).suffix.lower() in VIDEO_SUFFIXES else None


def rows_of(table: Path) -> Iterable[dict[str, str]]:
    """The rows of a table by the names of their columns; Kinetics lists may come without a header."""
    try:
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            rows = csv.reader(text)
            first = next(rows, [])
            names = _by_place(first) or [name.strip().lower() for name in first]
            if _by_place(first):
                yield dict(zip(names, first, strict=False))
            for row in filter(None, rows):
                yield dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=False))
    except csv.Error as error:
        raise SourceError(f"{table}: line {rows.line_num} is no row of a table ({error})") from error


def lines_of(table: Path) -> Iterable[dict[str, str]]:
    """{path, label} of each line."""
    with table.open(encoding="utf-8-sig", errors="replace") as text:
        yield from filter(None, map(_line, text))


def _by_place(fields: list[str]) -> tuple[str, ...]:
    """The columns of a Kinetics row, which has numbers where its times are; none for a header or anything else."""
    for names in (KINETICS, KINETICS[1:]):
        place = names.index("time_start")
        if len(fields) > place + 1 and all(field.strip().isdecimal() for field in fields[place : place + 2]):
            return names
    return ()


def _line(text: str) -> dict[str, str] | None:
    """The path may hold spaces, the label may not."""
    parts = re.split(r"[\s,]+(?=[^\s,]+$)", text.strip())
    return {"path": parts[0].strip('"'), "label": parts[1]} if len(parts) == 2 else None
