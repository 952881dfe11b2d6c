"""Lists of classes beside lists of clips, which name the numbers there: classInd.txt, labels.json, label_map.txt."""

from __future__ import annotations

import json
import re
from pathlib import Path

from movinet.data.sources.text import fields_of, lines_of

NAMED = re.compile(r"class|label|categor|vocab|names", re.IGNORECASE)


def class_names(path: Path, text: str) -> dict[int, str] | None:
    """Names by number of a file that is called so and holds no more: numbers and names, or a name a line, from 0 on."""
    if not NAMED.search(path.stem):
        return None
    if path.suffix.lower() in (".json", ".jsonl"):
        return _of_json(text)
    lines = lines_of(text)
    found = [pair for line in lines if (pair := _pair(line))]
    pairs = found if len(found) >= len(lines) - 1 else []  # a header is no pair
    if names := _keyed(lines) or _numbered(pairs):
        return names
    alone = not any(re.search(r"[;,\t]", line) for line in lines)
    return dict(enumerate(lines)) if lines and alone and len(set(lines)) == len(lines) else None


def _pair(line: str) -> tuple[str, str] | None:
    """A number and a name, either first."""
    found = re.match(r"\s*(\d+)[\s,;:]+(\S.*)$", line) or re.match(r"(.*\S)[\s,;:]+(\d+)$", line)
    return (found[1], found[2]) if found else None


def _keyed(lines: list[str]) -> dict[int, str] | None:
    """A table with the columns id and key, as EPIC has it, or id and name."""
    rows = list(fields_of(lines, ","))
    if not rows or "id" not in (header := [field.lower() for field in rows[0]]):
        return None
    column = next((header.index(name) for name in ("key", "name", "class", "label") if name in header), None)
    if column is None:
        return None
    place = header.index("id")
    return _numbered([(row[place], row[column]) for row in rows[1:] if len(row) > max(place, column)])


def _of_json(text: str) -> dict[int, str] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, list) and data and all(isinstance(name, str) for name in data):
        return dict(enumerate(data))
    if isinstance(data, dict) and data and all(isinstance(value, (str, int)) for value in data.values()):
        return _numbered([(str(key), str(value)) for key, value in data.items()])
    return None


def _numbered(pairs: list[tuple[str, str]]) -> dict[int, str] | None:
    """Pairs of number and name, either first; each number and name once, from 0 or 1 on without a gap."""
    for turned in (False, True):
        ordered = [(b, a) if turned else (a, b) for a, b in pairs]
        if pairs and all(number.isdecimal() for number, _ in ordered):
            names = {int(number): _unquoted(name) for number, name in ordered}
            first = min(names)
            if first <= 1 and sorted(names) == list(range(first, first + len(pairs))):
                return names if len(set(names.values())) == len(names) else None
    return None


def _unquoted(name: str) -> str:
    return name.strip().strip('"').strip()
