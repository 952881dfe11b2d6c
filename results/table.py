"""Recorded trainings as one small file: what searches are replayed on.  Standard library only.

A line is one training: the candidate's decisions as JSON, its costs, its seed, its accuracy on the validation split
after each epoch, and the seconds that it took.  Written as CSV, compressed by gzip with no time in it, so that equal
tables are equal files.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movinet.machine.files import write_whole
from results.record import TrialRecord, score_of

COSTS = ("flops", "parameters", "activation_bytes", "buffer_bytes")


@dataclass(frozen=True)
class RecordedTraining:
    """A network trained to the end. accuracies: after each epoch, in [0, 1].  seconds: of the whole training."""

    candidate: dict[str, Any]
    spec_id: str
    cost: dict[str, int]
    seed: int
    accuracies: tuple[float, ...]
    seconds: float

    @property
    def best(self) -> float:
        """The accuracy that networks are compared by: of the best epoch."""
        return max(self.accuracies)


def training_of(record: TrialRecord) -> RecordedTraining:
    """What a table keeps of a finished trial."""
    accuracies = tuple(score_of(measured) for measured in record.measurements)
    return RecordedTraining(record.candidate, record.spec_id, record.cost, record.seed, accuracies, record.seconds)


def write_table(path: str | Path, trainings: Iterable[RecordedTraining]) -> None:
    """Writes all of them, in the order given."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["spec_id", "seed", *COSTS, "seconds", "accuracies", "candidate"])
    for one in trainings:
        accuracies = json.dumps([round(value, 6) for value in one.accuracies], separators=(",", ":"))
        candidate = json.dumps(one.candidate, separators=(",", ":"))
        costs = [one.cost[name] for name in COSTS]
        writer.writerow([one.spec_id, one.seed, *costs, round(one.seconds, 2), accuracies, candidate])
    write_whole(path, gzip.compress(text.getvalue().encode("utf-8"), mtime=0))


def read_table(path: str | Path) -> list[RecordedTraining]:
    """What `write_table` wrote."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [_training(row) for row in csv.DictReader(file)]


def _training(row: dict[str, str]) -> RecordedTraining:
    return RecordedTraining(
        json.loads(row["candidate"]),
        row["spec_id"],
        {name: int(row[name]) for name in COSTS},
        int(row["seed"]),
        tuple(json.loads(row["accuracies"])),
        float(row["seconds"]),
    )
