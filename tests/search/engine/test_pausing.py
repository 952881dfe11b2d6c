"""Trials that pause on real Ray: their workers are free, and they go on from their checkpoints, also after a kill."""

import subprocess
import sys
import time

import pytest

from results.store import load_records
from search.journal import PAUSED_FILE
from search.run import run_search
from search.settings import load_settings
from search.view.listener import Listener
from tests.support.search_runs import write_config

pytest.importorskip("ray")
TRIALS, EPOCHS = 10, 4
DRIVER = """
import sys, time
from search.run import run_search
from search.settings import load_settings
from search.view.listener import Listener

class Slow(Listener):
    def on_epoch(self, *about):
        time.sleep(0.1)  # so that it can be killed in between

if __name__ == "__main__":
    run_search(load_settings(sys.argv[1]), sys.argv[2], Slow())
"""


class Heard(Listener):
    def __init__(self):
        self.starts, self.pauses, self.epochs = [], [], []

    def on_start(self, trial, *about):
        self.starts.append(trial)

    def on_pause(self, record):
        self.pauses.append(record.trial)

    def on_epoch(self, trial, measurement):
        self.epochs.append((trial, measurement["epoch"]))


@pytest.fixture
def config(tmp_path):
    search = {"trials": TRIALS, "early_stopping": "promote", "evaluator": "tests.support.made_up_evaluator:MadeUp"}
    return write_config(tmp_path, tmp_path / "data", search=search, train={"epochs": EPOCHS})


def check_whole(run):
    """Each trial is on record once, with every epoch that it was trained for once, and some came to their end."""
    lines = (run / "trials.jsonl").read_text().splitlines()
    records = load_records(run)
    assert sorted(each.trial for each in records) == list(range(TRIALS))
    assert len(lines) == TRIALS
    for record in records:
        epochs = [measured["epoch"] for measured in record.measurements]
        assert epochs == list(range(1, len(epochs) + 1))
        assert record.status == ("finished" if len(epochs) == EPOCHS else "stopped")
    assert {record.status for record in records} == {"finished", "stopped"}
    assert not list((run / "checkpoints").iterdir())


def test_a_paused_trial_frees_its_worker_and_goes_on_from_its_checkpoint(config, tmp_path):
    heard = Heard()
    run_search(load_settings(config), tmp_path / "run", heard)
    check_whole(tmp_path / "run")
    again = {trial for trial in heard.starts if heard.starts.count(trial) > 1}
    assert again
    assert again <= set(heard.pauses)
    assert len(set(heard.epochs)) == len(heard.epochs), "no epoch was trained twice"


def test_paused_trials_outlive_a_kill(config, tmp_path):
    run = tmp_path / "run"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(config), str(run)])
    while driver.poll() is None and not (run / PAUSED_FILE).exists():
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    before = {each.trial for each in load_records(run)}
    assert len(before) < TRIALS
    heard = Heard()
    run_search(load_settings(config), run, heard)
    check_whole(run)
    assert not before & set(heard.starts)
