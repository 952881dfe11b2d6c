"""trials.jsonl: the append-only records of a run, safe against a kill at any moment (`movinet.machine.json_lines`).

Standard library only, except for `read_trials` (pandas).
"""

from __future__ import annotations

import typing
from collections.abc import Iterable
from pathlib import Path

from movinet.machine.json_lines import append_line, whole_lines
from results.record import RecordError, TrialRecord, record_from_json

if typing.TYPE_CHECKING:
    import pandas as pd

TRIALS_FILE = "trials.jsonl"


def append_record(run_folder: str | Path, record: TrialRecord) -> None:
    """Adds one line and returns when it is on the disk. One process writes at a time (the run's driver).

    Raises OSError when the disk takes less than the whole line; nothing of it stays then.
    """
    append_line(Path(run_folder) / TRIALS_FILE, record.to_json())


def load_records(run_folder: str | Path) -> list[TrialRecord]:
    """The records of all trials in the order of ending; none when the run has not finished a trial yet.

    A trial that failed and was tried again has several; the last counts. Raises as `load_history`.
    """
    return latest(load_history(run_folder))


def load_history(run_folder: str | Path) -> list[TrialRecord]:
    """All that was recorded, in the order it was written, each time that a trial was tried.

    Raises FileNotFoundError when there is no such folder and RecordError, with file and line, for a line that is no
    record (a torn last line excepted).
    """
    path = Path(run_folder) / TRIALS_FILE
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such run folder")
    records = []
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            records.append(record_from_json(line))
        except RecordError as error:
            raise RecordError(f"{path}:{number}: {error}") from error
    return records


def latest(history: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Each trial's last record, in the order of these."""
    records: dict[int, TrialRecord] = {}
    for record in history:
        records.pop(record.trial, None)
        records[record.trial] = record
    return list(records.values())


def read_trials(run_folder: str | Path) -> pd.DataFrame:
    """One row per trial, indexed from 0 in the order of ending, for analysis.

    Columns: trial, spec_id, status, accuracy, flops, parameters, activation_bytes, buffer_bytes, epochs, seconds, seed,
    rejected, reason, `<part>_seconds` per timed part, then one column per decision of the space, named as there
    (`block3.kernel`; lists as tuples, so that they can be grouped by).
    """
    import pandas as pd

    records = load_records(run_folder)
    rows = [_row(record) for record in records]
    return pd.DataFrame(rows, columns=list(dict.fromkeys([*_COLUMNS, *(name for row in rows for name in row)])))


_COLUMNS = (
    *("trial", "spec_id", "status", "accuracy"),
    *("flops", "parameters", "activation_bytes", "buffer_bytes"),
    *("epochs", "seconds", "seed", "rejected", "reason"),
)


def _row(record: TrialRecord) -> dict[str, object]:
    values = {**vars(record), **record.cost, "epochs": len(record.measurements)}
    row = {name: values.get(name) for name in _COLUMNS}
    row |= {f"{part}_seconds": seconds for part, seconds in record.times.items()}
    return row | {name: _hashable(value) for name, value in record.candidate.items()}


def _hashable(value: object) -> object:
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value
