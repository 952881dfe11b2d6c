"""A run folder that survives `kill -9` at any moment: what was asked, what is finished, and who writes to it.

asked.jsonl gets a line before a candidate starts, trials.jsonl one when it has ended for good (another one when it
failed and was tried again), paused.jsonl one whenever it pauses; all are on the disk before anything else happens. So
a resumed run knows all that an interrupted one decided. spent.json holds how long the search has taken. Standard
library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from movinet.machine.files import write_whole
from movinet.machine.json_lines import append_line, whole_lines
from results.record import TrialRecord, record_from_json
from results.store import append_record, latest, load_history

ASKED_FILE = "asked.jsonl"
PAUSED_FILE = "paused.jsonl"
SPENT_FILE = "spent.json"


@dataclass(frozen=True)
class Asked:
    """A candidate that a strategy proposed for a trial.

    told: how many records the strategy had heard by then.  seen: how many epochs of each trial that was under way, by
    its number: with both, what it proposed can be replayed.
    """

    trial: int
    candidate: dict[str, Any]
    rejected: int
    told: int = 0
    seen: dict[str, int] = field(default_factory=dict)


class Memory:
    """What was asked and how it ended, as long as the process lives: of a replay.

    asked: by trial.  history: all records, in the order of ending; a trial that failed and was tried again has several.
    paused: by trial, as it would be recorded if it ended there.
    seconds: that the search has taken so far, over all its processes.
    """

    def __init__(
        self, asked: Iterable[Asked] = (), history: Iterable[TrialRecord] = (), paused: Iterable[TrialRecord] = ()
    ):
        self.asked = {each.trial: each for each in asked}
        self.history = list(history)
        ended = {record.trial for record in self.history}
        self.paused = {record.trial: record for record in paused if record.trial not in ended}
        self.seconds = 0.0

    @property
    def records(self) -> list[TrialRecord]:
        """Each trial's last record."""
        return latest(self.history)

    @property
    def failed(self) -> list[Asked]:
        """Asked, and failed whenever they were tried."""
        return [self.asked[each.trial] for each in self.records if each.status == "failed" and each.trial in self.asked]

    @property
    def epochs(self) -> int:
        """That were trained so far, in trials that ended or paused."""
        return sum(len(record.measurements) for record in [*self.records, *self.paused.values()])

    @property
    def unfinished(self) -> list[Asked]:
        """Asked, but neither recorded nor paused: their workers were killed."""
        known = {record.trial for record in self.records} | self.paused.keys()
        return [asked for trial, asked in sorted(self.asked.items()) if trial not in known]

    def ask(self, asked: Asked) -> None:
        self.asked[asked.trial] = asked

    def pause(self, record: TrialRecord) -> None:
        self.paused[record.trial] = record

    def record(self, record: TrialRecord) -> None:
        self.history.append(record)
        self.paused.pop(record.trial, None)

    def spend(self, seconds: float) -> None:
        self.seconds = seconds


class Journal(Memory):
    """asked.jsonl and trials.jsonl of one run; only one process at a time may hold it (`locked`)."""

    def __init__(self, run_folder: str | Path):
        self.folder = Path(run_folder)
        asked = [Asked(**json.loads(line)) for line in whole_lines(self.folder / ASKED_FILE)]
        paused = [record_from_json(line) for line in whole_lines(self.folder / PAUSED_FILE)]
        super().__init__(asked, load_history(self.folder), paused)
        self.seconds = _seconds(self.folder / SPENT_FILE)

    def ask(self, asked: Asked) -> None:
        """Returns when the line is on the disk."""
        append_line(self.folder / ASKED_FILE, json.dumps(asdict(asked), separators=(",", ":")))
        super().ask(asked)

    def pause(self, record: TrialRecord) -> None:
        """Returns when the line is on the disk."""
        append_line(self.folder / PAUSED_FILE, record.to_json())
        super().pause(record)

    def record(self, record: TrialRecord) -> None:
        """Returns when the line is on the disk."""
        append_record(self.folder, record)
        super().record(record)

    def spend(self, seconds: float) -> None:
        """Survives a kill; what the system loses when the power fails is a little time."""
        write_whole(self.folder / SPENT_FILE, json.dumps({"seconds": seconds}), sync=False)
        super().spend(seconds)


def _seconds(path: Path) -> float:
    """Nothing of a run that kept no time."""
    try:
        return float(json.loads(path.read_bytes())["seconds"]) if path.exists() else 0.0
    except (ValueError, KeyError, TypeError):
        return 0.0
