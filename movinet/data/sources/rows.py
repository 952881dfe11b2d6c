"""What a list of clips says of each. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """A clip as a list has it. names: what it may be called, the likeliest first; label: "" where none is told.

    times: start and end in seconds, where it is a part of what its last name means.  frames: the first and last of
    a folder of pictures.  columns: of a table, by name.
    """

    names: tuple[str, ...]
    label: str = ""
    split: str = ""
    times: tuple[float | None, float | None] = (None, None)
    frames: tuple[int, int] | None = None
    columns: dict[str, str] = field(default_factory=dict)
    is_kinetics: bool = False


@dataclass(frozen=True)
class ClipList:
    """A list that was read; fold: which of several alternatives its name says it is."""

    path: Path
    rows: tuple[Row, ...]
    fold: int | None = None


def unquoted(label: str) -> str:
    """A label without the spaces and quotes around it."""
    return label.strip().strip('"').strip()
