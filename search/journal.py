"""A run folder that survives `kill -9` at any moment: what was asked, what is finished, and who writes to it.

asked.jsonl gets a line before a candidate starts, trials.jsonl one when it is done; both are on the disk before
anything else happens. So a resumed run knows all that an interrupted one decided. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
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


class Memory:
    """What was asked and how it ended, as long as the process lives: of a replay.

    asked: by trial.  records: in the order of ending.
    """

    def __init__(self, asked: Iterable[Asked] = (), records: Iterable[TrialRecord] = ()):
        self.asked = {each.trial: each for each in asked}
        self.records = list(records)

    @property
    def unfinished(self) -> list[Asked]:
        """Asked, but without a record: their workers were killed."""
        finished = {record.trial for record in self.records}
        return [asked for trial, asked in sorted(self.asked.items()) if trial not in finished]

    def ask(self, asked: Asked) -> None:
        self.asked[asked.trial] = asked

    def record(self, record: TrialRecord) -> None:
        self.records.append(record)


class Journal(Memory):
    """asked.jsonl and trials.jsonl of one run; only one process at a time may hold it (`locked`)."""

    def __init__(self, run_folder: str | Path):
        self.folder = Path(run_folder)
        asked = [Asked(**json.loads(line)) for line in whole_lines(self.folder / ASKED_FILE)]
        super().__init__(asked, load_records(self.folder))

    def ask(self, asked: Asked) -> None:
        """Returns when the line is on the disk."""
        append_line(self.folder / ASKED_FILE, json.dumps(asdict(asked), separators=(",", ":")))
        super().ask(asked)

    def record(self, record: TrialRecord) -> None:
        """Returns when the line is on the disk."""
        append_record(self.folder, record)
        super().record(record)
