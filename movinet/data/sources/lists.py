"""Lists of clips as other people write them: which form a file has, told by what it holds, and its rows.

Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from movinet.data.sources.clip_set import SourceError
from movinet.data.sources.finder import Finder
from movinet.data.sources.plain_lists import rows_without_header
from movinet.data.sources.records_of_json import records_of_json
from movinet.data.sources.rows import ClipList, Row, unquoted
from movinet.data.sources.splits import fold_in_name
from movinet.data.sources.text import DELIMITERS, fields_of, lines_of

SUFFIXES = (".csv", ".tsv", ".txt", ".list", ".json", ".jsonl")
KINETICS = ("label", "youtube_id", "time_start", "time_end", "split", "is_cc")
COLUMNS = {  # what they are for, and what they are called, the likeliest first
    "name": (
        *("narration_id", "path", "file_name", "filename", "file_path", "filepath", "video_path", "video_file"),
        *("video_name", "clip_path", "clip_name", "vid_name", "clip", "video", "file", "clip_id", "video_id", "vid"),
        *("frames_path", "folder", "id", "name", "youtube_id"),
    ),
    "label": (
        *("template", "label_name", "class_name", "classname", "label", "labels", "class", "classes", "tag", "tags"),
        *("category", "action", "activity", "verb_class", "label_id", "class_id", "target"),
    ),
    "split": ("split", "subset", "set", "partition", "usage", "phase"),
    "start": ("start", "start_time", "start_timestamp", "start_sec", "start_seconds", "t_start", "time_start", "begin"),
    "end": (
        "end",
        "end_time",
        "stop_timestamp",
        "end_timestamp",
        "end_sec",
        "end_seconds",
        "t_end",
        "time_end",
        "stop",
    ),
    "first": ("start_frame", "first_frame"),
    "last": ("end_frame", "stop_frame", "last_frame"),
}


def read_list(path: Path, text: str, finder: Finder) -> ClipList | None:
    """The rows of a list of clips; None where the file is no list, or has no form that is known. Raises SourceError."""
    if path.suffix.lower() in (".json", ".jsonl"):
        records = records_of_json(text)
        rows = _table_rows(path, records, finder) if records else None
    else:
        lines = lines_of(text)
        rows = _table(path, lines, finder) or rows_without_header(path, lines, finder)
    return ClipList(path, tuple(rows), fold_in_name(path.stem)) if rows else None


def _table(path: Path, lines: list[str], finder: Finder) -> list[Row] | None:
    """The rows of a table, whose first line names its columns, or of Kinetics, which has numbers in their places."""
    for delimiter in DELIMITERS:
        first = next(fields_of(lines[:1], delimiter), [])
        names = _kinetics_columns(first)
        header = [name.lower() for name in first]
        if not names and not (len(header) > 1 and all(header) and _column(header, "name")):
            continue
        rows = fields_of(lines if names else lines[1:], delimiter)
        names = names or header
        records = [dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=False)) for row in rows]
        return _table_rows(path, records, finder)
    return None


def _table_rows(path: Path, records: list[dict[str, str]], finder: Finder) -> list[Row] | None:
    columns = list(dict.fromkeys(name for record in records for name in record))
    if {"youtube_id", "time_start", "time_end"} <= set(columns):
        return [_kinetics_row(path, record) for record in records]
    roles = {role: _column(columns, role) for role in COLUMNS}
    name, label = roles["name"], roles["label"]
    if name is None:
        return None
    if label is None and not any(finder.is_there(record.get(name, "")) for record in records):
        return None
    more = "video_id" if name == "narration_id" else None
    return [_row(path, record, roles, more) for record in records]


def _row(path: Path, record: dict[str, str], roles: dict[str, str | None], more: str | None) -> Row:
    values = {role: record.get(column, "") if column else "" for role, column in roles.items()}
    names = (values["name"], record.get(more, "")) if more else (values["name"],)
    label = re.sub(r"[\[\]]", "", values["label"]) if roles["label"] == "template" else values["label"]
    first, last = values["first"], values["last"]
    frames = (int(first), int(last)) if first.isdecimal() and last.isdecimal() else None
    try:
        times = seconds_of(values["start"]), seconds_of(values["end"])
    except ValueError as error:
        raise SourceError(f"{path}: row {record!r}: {error}") from error
    return Row(names, unquoted(label), values["split"], times, frames, record)


def _kinetics_row(path: Path, record: dict[str, str]) -> Row:
    try:
        start, end = (int(float(record[name])) for name in ("time_start", "time_end"))
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise SourceError(f"{path}: row {record!r} lacks a numeric time_start or time_end") from error
    youtube_id = record["youtube_id"]
    names = (f"{youtube_id}_{start:06d}_{end:06d}", youtube_id)
    return Row(names, unquoted(record.get("label", "")), record.get("split", ""), is_kinetics=True)


def _kinetics_columns(fields: Sequence[str]) -> tuple[str, ...]:
    """The columns of a Kinetics row, which has numbers where its times are; none for a header or anything else."""
    for names in (KINETICS, KINETICS[1:]):
        place = names.index("time_start")
        numbers = len(fields) > place + 1 and all(field.isdecimal() for field in fields[place : place + 2])
        if numbers and len(fields[place - 1]) == 11:  # letters of an id of YouTube's
            return names
    return ()


def _column(names: Sequence[str], role: str) -> str | None:
    return next((name for name in COLUMNS[role] if name in names), None)


def seconds_of(text: str) -> float | None:
    """A moment in seconds, or as h:m:s or m:s; None of nothing. Raises ValueError."""
    if not text.strip():
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < 1e9 for part in parts):
        raise ValueError(f"{text!r} is no moment; allowed: seconds, or h:m:s")
    return sum(part * 60**power for power, part in enumerate(reversed(parts)))
