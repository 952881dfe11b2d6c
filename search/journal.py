"""A run folder that survives `kill -9` at any moment: what was asked, what is finished, and who writes to it.

asked.jsonl gets a line before a candidate starts, trials.jsonl one when it is done; both are on the disk before
anything else happens. So a resumed run knows all that an interrupted one decided. Standard library only.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from movinet.machine.json_lines import append_line, whole_lines
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
        asked = [Asked(**json.loads(line)) for line in whole_lines(self.folder / ASKED_FILE)]
        self.asked = {each.trial: each for each in asked}
        self.records = load_records(self.folder)

    @property
    def unfinished(self) -> list[Asked]:
        """Asked, but without a record: their workers were killed."""
        finished = {record.trial for record in self.records}
        return [asked for trial, asked in sorted(self.asked.items()) if trial not in finished]

    def ask(self, asked: Asked) -> None:
        """Returns when the line is on the disk."""
        append_line(self.folder / ASKED_FILE, json.dumps(asdict(asked), separators=(",", ":")))
        self.asked[asked.trial] = asked

    def record(self, record: TrialRecord) -> None:
        """Returns when the line is on the disk."""
        append_record(self.folder, record)
        self.records.append(record)
