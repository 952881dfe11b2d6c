"""Lists of clips in JSON or JSON lines as rows of a table. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from movinet.data.sources.clip_set import SEPARATOR


def records_of_json(text: str) -> list[dict[str, str]] | None:
    """A row for each clip, by the names of its columns in small letters; None of what is no list of clips.

    Read are a list of objects, objects by the clips' names (Kinetics, ActivityNet), and an object a line.
    """
    try:
        data: Any = json.loads(text)
    except RecursionError:
        return None
    except ValueError:
        data = _of_lines(text)
    if isinstance(data, dict):
        data = data.get("database", data)
    if isinstance(data, dict) and data and all(isinstance(value, dict) for value in data.values()):
        data = [row for name, value in data.items() for row in _annotated(name, value)]
    elif isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = max(lists, key=len, default=None)
    if not isinstance(data, list) or not data or not all(isinstance(row, dict) for row in data):
        return None
    return [{str(name).strip().lower(): _plain(value) for name, value in row.items()} for row in data]


def _of_lines(text: str) -> list[Any] | None:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _annotated(name: str, clip: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each annotation of a video: one of a whole clip in Kinetics, several of parts in ActivityNet."""
    notes = clip.get("annotations", {})
    several = isinstance(notes, list)
    for note in notes if several else [notes]:
        if not isinstance(note, dict):
            continue
        row = {"video_id": name, **clip, **note}
        if isinstance(segment := note.get("segment"), list) and len(segment) == 2:
            times = ("start", "end") if several else ("time_start", "time_end")
            row |= {"youtube_id": name} if not several else {}
            row |= dict(zip(times, segment, strict=True))
        yield row


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return SEPARATOR.join(sorted(_plain(each) for each in value))
    return str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
