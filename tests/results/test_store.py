import os
import signal
import subprocess
import sys
import time

import pytest

from results.record import RecordError
from results.store import TRIALS_FILE, append_record, load_history, load_records, read_trials
from tests.results.test_record import record


def test_records_come_back_in_the_order_they_ended(tmp_path):
    written = [record(trial=trial) for trial in (2, 0, 1)]
    for one in written:
        append_record(tmp_path, one)
    assert load_records(tmp_path) == written


def test_a_run_without_a_finished_trial_has_no_records(tmp_path):
    assert load_records(tmp_path) == []
    assert list(read_trials(tmp_path).columns[:3]) == ["trial", "spec_id", "status"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such run folder"):
        load_records(tmp_path / "missing")


def test_a_cut_at_every_byte_loses_the_last_record_at_most(tmp_path):
    first, second, third = (record(trial=trial) for trial in range(3))
    append_record(tmp_path, first)
    whole_first = (tmp_path / TRIALS_FILE).stat().st_size
    append_record(tmp_path, second)
    content = (tmp_path / TRIALS_FILE).read_bytes()
    for cut in range(whole_first, len(content)):
        (tmp_path / TRIALS_FILE).write_bytes(content[:cut])
        kept = [first, second] if cut == len(content) - 1 else [first]  # only the line break is missing
        assert load_records(tmp_path) == kept
        append_record(tmp_path, third)
        assert load_records(tmp_path) == [*kept, third]


def test_a_torn_first_line_is_no_record(tmp_path):
    (tmp_path / TRIALS_FILE).write_bytes(b'{"version":1,"tri')
    assert load_records(tmp_path) == []
    append_record(tmp_path, record())
    assert load_records(tmp_path) == [record()]


def test_a_torn_line_longer_than_one_read_is_cut_off(tmp_path):
    append_record(tmp_path, record(trial=0))
    with open(tmp_path / TRIALS_FILE, "ab") as file:
        file.write(b'{"version":1,"candidate":{"' + b"x" * 200_000)
    append_record(tmp_path, record(trial=1))
    assert [one.trial for one in load_records(tmp_path)] == [0, 1]


def test_a_broken_line_elsewhere_is_named(tmp_path):
    append_record(tmp_path, record(trial=0))
    with open(tmp_path / TRIALS_FILE, "ab") as file:
        file.write(b"???\n")
    append_record(tmp_path, record(trial=1))
    with pytest.raises(RecordError, match=r"trials\.jsonl:2: not JSON"):
        load_records(tmp_path)


def test_of_two_records_of_a_trial_the_last_counts_in_its_place(tmp_path):
    for trial, accuracy in ((4, None), (5, 0.25), (4, 0.75)):
        failed = {"status": "failed", "reason": "worker lost"} if accuracy is None else {}
        append_record(tmp_path, record(trial=trial, accuracy=accuracy, **failed))
    assert [(one.trial, one.accuracy) for one in load_records(tmp_path)] == [(5, 0.25), (4, 0.75)]
    assert list(read_trials(tmp_path)["status"]) == ["finished", "finished"]
    assert [one.status for one in load_history(tmp_path)] == ["failed", "finished", "finished"]


WRITER = """
import sys
from results.store import append_record
from tests.results.test_record import record
for trial in range(10**6):
    append_record(sys.argv[1], record(trial=trial))
    print(trial, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_writer_loses_no_acknowledged_record(tmp_path):
    for wait in (0.0, 0.02, 0.05):
        (tmp_path / TRIALS_FILE).unlink(missing_ok=True)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        acknowledged = 1 + len(writer.communicate()[0].split())
        trials = [one.trial for one in load_records(tmp_path)]
        assert trials == list(range(len(trials)))
        assert len(trials) in (acknowledged, acknowledged + 1)


def test_trials_as_a_table(tmp_path):
    append_record(tmp_path, record(trial=0))
    append_record(tmp_path, record(trial=1, status="failed", reason="out of memory", accuracy=None, measurements=[]))
    table = read_trials(tmp_path)
    assert table.shape[0] == 2
    assert table.loc[0, "flops"] == 110_000_000
    assert table.loc[0, "block3.kernel"] == (5, 3, 3)
    assert table["epochs"].tolist() == [1, 0]
    assert table["reason"].isna().tolist() == [True, False]
    assert table["train_seconds"].tolist() == [11.0, 11.0]
    assert table.groupby("block3.kernel")["accuracy"].max().tolist() == [0.625]
