"""Text as other people's programs write it, and its lines as rows of fields. Standard library only."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

DELIMITERS = ("\t", ";", ",")
COMMENT = "#"
CONTROLS = frozenset(map(chr, (*range(9), 11, *range(14, 32), 127)))
BINARY = 0.05  # share of control characters from which on a file is no text
LOOKED_AT = 65_536  # characters


def text_of(path: Path) -> str | None:
    """A file in UTF-8, UTF-16 (with or without its mark) or Windows' Western letters; None where it is no text."""
    raw = path.read_bytes()
    text = _decoded(raw)
    start = text[:LOOKED_AT]
    if sum(character in CONTROLS for character in start) > BINARY * len(start):
        return None
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def lines_of(text: str) -> list[str]:
    """The lines that say something: neither blank nor a comment."""
    stripped = (line.strip(" \r\n\f\ufeff") for line in text.replace("\r", "\n").split("\n"))
    return [line for line in stripped if line.strip() and not line.startswith(COMMENT)]


def fields_of(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """The fields of each line, without the spaces and quotes around them."""
    for line in lines:
        try:
            row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:  # a field of more than 128 KiB
            row = line.split(delimiter)
        yield [field.strip() for field in row]


def _decoded(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    start = raw[:LOOKED_AT]
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):  # every other byte of Western letters is zero
        if len(start) > 3 and start[place::2].count(0) > 0.4 * len(start) / 2:
            return raw.decode(encoding, errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
