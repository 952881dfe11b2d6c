"""trials.jsonl: the append-only records of a run, safe against a kill at any moment.

A record counts once its whole line is on the disk: one write, then fsync. A kill in between leaves at most a torn last
line, which readers ignore and the next append removes. Standard library only, except for `read_trials` (pandas).
"""

from __future__ import annotations

import json
import logging
import os
import typing
from pathlib import Path

from results.record import RecordError, TrialRecord, record_from_json

if typing.TYPE_CHECKING:
    import pandas as pd

TRIALS_FILE = "trials.jsonl"
log = logging.getLogger(__name__)


def append_record(run_folder: str | Path, record: TrialRecord) -> None:
    """Adds one line and returns when it is on the disk. One process writes at a time (the run's driver).

    Raises OSError when the disk takes less than the whole line; nothing of it stays then.
    """
    path = Path(run_folder) / TRIALS_FILE
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
    try:
        end, joint = _end_of_records(file)
        line = joint + record.to_json().encode() + b"\n"
        if os.write(file, line) != len(line):
            os.ftruncate(file, end)
            raise OSError(f"{path}: no room for the record of trial {record.trial}")
        os.fsync(file)
    finally:
        os.close(file)
    if is_new:
        _sync_folder(path.parent)


def load_records(run_folder: str | Path) -> list[TrialRecord]:
    """All records in the order they were written; none when the run has not finished a trial yet.

    Of two records of one trial the first counts, and the log says so. Raises FileNotFoundError when there is no such
    folder and RecordError, with file and line, for a line that is no record (a torn last line excepted).
    """
    path = Path(run_folder) / TRIALS_FILE
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such run folder")
    records: dict[int, TrialRecord] = {}
    *lines, last = path.read_bytes().split(b"\n") if path.exists() else [b""]
    if _is_whole(last):
        lines.append(last)
    for number, line in enumerate(lines, start=1):
        try:
            record = record_from_json(line)
        except RecordError as error:
            raise RecordError(f"{path}:{number}: {error}") from error
        if record.trial in records:
            log.warning("%s:%d: trial %d was recorded before; the first record counts", path, number, record.trial)
        records.setdefault(record.trial, record)
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


def _end_of_records(file: int) -> tuple[int, bytes]:
    """Cuts a torn last line off. Returns the file's length then, and what must stand before the next record."""
    size = os.lseek(file, 0, os.SEEK_END)
    tail = b""
    while b"\n" not in tail and len(tail) < size:
        step = min(65536, size - len(tail))
        os.lseek(file, size - len(tail) - step, os.SEEK_SET)
        tail = os.read(file, step) + tail
    last = tail.rpartition(b"\n")[2]
    if _is_whole(last):  # only its line break is missing
        return size, b"\n"
    if last:
        size -= len(last)
        log.warning("%s: removed a torn last line of %d bytes", TRIALS_FILE, len(last))
        os.ftruncate(file, size)
    return size, b""


def _is_whole(line: bytes) -> bool:
    """A JSON object ends with its brace, so a prefix of a line is never one."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _sync_folder(folder: Path) -> None:
    """Puts a new file's name on the disk, where the system can (not on Windows)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
