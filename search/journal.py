"""A run folder that survives `kill -9` at any moment: what was asked, what is finished, and who writes to it.

asked.jsonl gets a line before a candidate starts, trials.jsonl one when it is done; both are on the disk before
anything else happens. So a resumed run knows all that an interrupted one decided. Standard library only.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from results.record import TrialRecord
from results.store import append_record, load_records

ASKED_FILE = "asked.jsonl"


@dataclass(frozen=True)
class Asked:
    """A candidate that a strategy proposed for a trial."""

    trial: int
    candidate: dict[str, Any]
    rejected: int


class Journal:
    """asked.jsonl and trials.jsonl of one run; only one process at a time may hold it (`locked`)."""

    def __init__(self, run_folder: str | Path):
        self.folder = Path(run_folder)
        self.asked = {asked.trial: asked for asked in _read_asked(self.folder / ASKED_FILE)}
        self.records = load_records(self.folder)

    @property
    def unfinished(self) -> list[Asked]:
        """Asked, but without a record: their workers were killed."""
        finished = {record.trial for record in self.records}
        return [asked for trial, asked in sorted(self.asked.items()) if trial not in finished]

    def ask(self, asked: Asked) -> None:
        """Returns when the line is on the disk."""
        with (self.folder / ASKED_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(asked), separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.asked[asked.trial] = asked

    def record(self, record: TrialRecord) -> None:
        """Returns when the line is on the disk."""
        append_record(self.folder, record)
        self.records.append(record)


def _read_asked(path: Path) -> list[Asked]:
    """All whole lines; a torn last one is cut off, its candidate never started."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    return [Asked(**json.loads(line)) for line in content[:whole].splitlines()]
