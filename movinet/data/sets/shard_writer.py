"""Files of records being filled, in an order and at places that an interrupted run finds again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CLIPS_PER_SHARD = 100


class Shards:
    """Files of records, filled one after the other for each split; the journal's rows say how far each is whole."""

    def __init__(self, folder: Path, rows: Iterable[dict[str, Any]]):
        self.folder = folder
        self.clips: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()  # bytes
        for row in rows:
            if row.get("stored"):
                self._count(row["split"], row["path"], row["stored"])

    def append(self, split: str, record: bytes) -> tuple[str, int]:
        """Writes a record; returns its file's name and its first byte there."""
        name = f"{split}-{self.clips[split] // CLIPS_PER_SHARD:05d}.part"
        offset = self.ends[name]
        with (self.folder / name).open("r+b" if offset else "wb") as file:
            file.truncate(offset)  # what an interrupted run wrote without noting it
            file.seek(offset)
            file.write(record)
        self._count(split, name, len(record))
        return name, offset

    def finish(self) -> dict[str, str]:
        """Gives the shards their last names, which tell how many there are; {name: last name}."""
        names = {}
        for split, clips in self.clips.items():
            count = -(-clips // CLIPS_PER_SHARD)
            for number in range(count):
                name = f"{split}-{number:05d}"
                names[f"{name}.part"] = last = f"{name}-of-{count:05d}.tfrecord"
                if not (self.folder / last).exists():
                    os.truncate(self.folder / f"{name}.part", self.ends[f"{name}.part"])
                    os.replace(self.folder / f"{name}.part", self.folder / last)
        return names

    def _count(self, split: str, name: str, size: int) -> None:
        self.clips[split] += 1
        self.ends[name] += size
