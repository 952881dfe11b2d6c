"""Whole searches on real Ray: records, lost workers, kills, resumes, and the family."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from movinet.config.typed import ConfigError
from movinet.spec import spec_from_dict
from results.store import load_records
from search.journal import Journal
from search.run import run_search, train_family
from search.settings import load_settings
from search.view.listener import Listener
from tests.support.search_runs import write_config

pytest.importorskip("ray")
DRIVER = """
import sys
from search.run import run_search
from search.settings import load_settings
if __name__ == "__main__":
    run_search(load_settings(sys.argv[1]), sys.argv[2])
"""


class Recorder(Listener):
    """Keeps all events, and can kill a worker in one."""

    def __init__(self, kill_at: str = ""):
        self.events: list[tuple] = []
        self.kill_at = kill_at

    def on_run(self, *about):
        self.events.append(("run", *about))

    def on_start(self, *about):
        self.events.append(("start", *about))

    def on_epoch(self, *about):
        self.events.append(("epoch", *about))
        if self.kill_at == "epoch":
            self.kill_at = ""
            workers = [p for p in psutil.Process().children(recursive=True) if "Trial" in " ".join(p.cmdline())]
            os.kill(workers[0].pid, signal.SIGKILL)

    def on_record(self, *about):
        self.events.append(("record", *about))

    def on_member(self, *about):
        self.events.append(("member", *about))

    def of(self, kind: str) -> list[tuple]:
        return [event[1:] for event in self.events if event[0] == kind]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The clips and frames that all runs here share."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A search of 5 trials in which one worker was killed: (settings, run folder, what the listener heard)."""
    folder = tmp_path_factory.mktemp("finished")
    settings = load_settings(write_config(folder, data, search={"trials": 5}))
    listener = Recorder(kill_at="epoch")
    run_search(settings, folder / "run", listener)
    return settings, folder / "run", listener


def check_whole(run: Path, trials: int) -> None:
    """No trial lost, none twice, nothing left to do."""
    records = load_records(run)
    assert sorted(record.trial for record in records) == list(range(trials))
    assert len({record.spec_id for record in records}) == trials
    lines = (run / "trials.jsonl").read_text().splitlines()
    assert len(lines) == trials
    assert not Journal(run).unfinished
    assert not list((run / "checkpoints").iterdir())


def test_a_search_leaves_one_whole_record_per_trial(finished):
    settings, run, listener = finished
    check_whole(run, 5)
    for record in load_records(run):
        assert spec_from_dict(record.spec).id == record.spec_id
        assert settings.load_space().candidate(record.candidate).id == record.spec_id
        if record.status == "finished":
            assert [measured["epoch"] for measured in record.measurements] == [1, 2]
            assert record.accuracy == max(measured["val_accuracy"] for measured in record.measurements)
            assert {"start", "build", "train", "eval", "save"} == set(record.times)
            assert sum(record.times.values()) - record.times["start"] <= record.seconds + 0.5
    assert [event[0] for event in listener.of("run")] == [5]
    assert {event[2] for event in listener.of("start")} == {0, 1}
    assert len(listener.of("record")) == 5


def test_a_worker_that_dies_is_a_record_with_its_reason_and_the_search_goes_on(finished):
    failed = [record for record in load_records(finished[1]) if record.status == "failed"]
    assert len(failed) == 1
    assert failed[0].reason.startswith("worker lost: ")
    assert "\n" not in failed[0].reason


class Hog(Recorder):
    """Takes 3 GB at the first epoch that ends, until a trial has failed."""

    def on_epoch(self, *about):
        super().on_epoch(*about)
        if not self.of("record") and not hasattr(self, "memory"):
            self.memory = bytearray(b"x" * 3 * 2**30)

    def on_record(self, *about):
        super().on_record(*about)
        self.memory = None


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray watches the memory on Linux")
def test_workers_that_ray_ends_for_lack_of_memory_are_records_and_the_search_goes_on(data, tmp_path, monkeypatch):
    memory = psutil.virtual_memory()
    if memory.available < 6 * 2**30:
        pytest.skip("needs 6 GB of free memory")
    used = memory.total - memory.available
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{(used + 2.5 * 2**30) / memory.total:.3f}")
    settings = load_settings(write_config(tmp_path, data, search={"trials": 5}))
    run_search(settings, tmp_path / "run", Hog())
    check_whole(tmp_path / "run", 5)
    failed = [record for record in load_records(tmp_path / "run") if record.status == "failed"]
    assert 1 <= len(failed) <= 2  # one of the two workers, or both
    for record in failed:
        assert re.fullmatch(r"worker lost: out of memory: \S+ of \S+ were in use", record.reason)


def test_a_finished_search_is_read_and_not_run_again(finished):
    settings, run, _ = finished
    listener = Recorder()
    assert [r.trial for r in run_search(settings, run, listener)] == [r.trial for r in load_records(run)]
    assert listener.events == []


def test_a_run_refuses_other_settings_and_names_the_first(finished, data, tmp_path):
    other = load_settings(write_config(tmp_path, data, search={"trials": 5, "seed": 7}))
    with pytest.raises(ConfigError, match=r"config.yaml: search.seed=0, but now 7; a run keeps its settings"):
        run_search(other, finished[1])


def test_a_run_folder_holds_its_settings_and_environment(finished):
    settings, run, _ = finished
    assert load_settings(run / "config.yaml") == settings
    environment = json.loads((run / "environment.json").read_text())
    assert environment["versions"]["ray"]
    assert environment["seed"] == 0


def test_a_family_is_trained_once_and_written_whole(finished):
    import keras

    import movinet.model  # noqa: F401  (its layers are registered by their import)

    settings, run, _ = finished
    small = spec_from_dict(load_records(run)[0].spec)
    members = {"A0": small}
    metrics = train_family(settings, run, members)
    folder = run / "family" / "A0"
    assert json.loads((folder / "metrics.json").read_text()) == metrics["A0"]
    assert metrics["A0"]["spec_id"] == small.id
    labels = json.loads((folder / "labels.json").read_text())
    model = keras.models.load_model(folder / "model.keras")
    assert model.output_shape == (None, len(labels))
    listener = Recorder()
    assert train_family(settings, run, members, listener) == metrics
    assert [event[0] for event in listener.events] == ["member"]


@pytest.mark.slow
def test_a_search_whose_trials_all_fail_stops_and_says_why(data, tmp_path):
    changes = {"train": {"learning_rate": 1e30, "clip_norm": None}, "search": {"trials": 9}}
    settings = load_settings(write_config(tmp_path, data, **changes))
    with pytest.raises(RuntimeError, match=r"[45] trials in a row failed, the last with: diverged: "):
        run_search(settings, tmp_path / "run")
    assert {record.status for record in load_records(tmp_path / "run")} == {"failed"}


def killed_search(config: Path, run: Path, kills: int, seconds: tuple[float, float], seed: int) -> list[float]:
    """Starts the search and kills its driver after a random time, so often; then lets it end. Returns the times."""
    rng = random.Random(seed)
    times = [rng.uniform(*seconds) for _ in range(kills)]
    for delay in [*times, None]:
        driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(config), str(run)], stderr=subprocess.PIPE)
        try:
            _, said = driver.communicate(timeout=delay)
            assert driver.returncode == 0, said.decode()
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGKILL)
            driver.communicate()
    return times


def wait_for(condition, process: subprocess.Popen, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_search_goes_on_where_it_was(data, tmp_path):
    """The driver is killed once a trial is recorded and another has a checkpoint, which the resumed run loads."""
    settings = load_settings(write_config(tmp_path, data, train={"epochs": 4}, resources={"workers": 1}))
    run = tmp_path / "run"
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "tiny.yaml"), str(run)]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: list(run.glob("checkpoints/1/*")), driver)
    driver.kill()
    driver.wait()
    before = load_records(run)
    assert len(before) < 3
    records = run_search(settings, run)
    check_whole(run, 3)
    assert records[: len(before)] == before
    second = next(record for record in records if record.trial == 1)
    assert [measured["epoch"] for measured in second.measurements] == [1, 2, 3, 4]
    assert "load" in second.times


@pytest.mark.slow
def test_a_search_killed_five_times_at_random_moments_loses_and_repeats_nothing(data, tmp_path):
    config = write_config(tmp_path, data, search={"trials": 12, "strategy": "evolution", "population": 4})
    killed_search(config, tmp_path / "run", kills=5, seconds=(4, 25), seed=0)
    check_whole(tmp_path / "run", 12)


CLUSTER = """
import os, time, ray
from search.engine.ray_cluster import Workers, ray_cluster
with ray_cluster(Workers(count=2, threads=1)):
    print(ray.get_runtime_context().gcs_address, os.environ["RAY_AUTH_TOKEN"], flush=True)
    time.sleep(300)
"""


@pytest.mark.slow
def test_a_search_runs_on_a_cluster_that_is_there_already(data, tmp_path):
    cluster = subprocess.Popen([sys.executable, "-c", CLUSTER], stdout=subprocess.PIPE, text=True)
    try:
        assert cluster.stdout
        address, token = cluster.stdout.readline().split()
        trusted = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
        driver = DRIVER.replace("sys.argv[2])", "sys.argv[2], address=sys.argv[3])")
        command = [sys.executable, "-c", driver, str(write_config(tmp_path, data)), str(tmp_path / "run"), address]
        subprocess.run(command, check=True, timeout=200, capture_output=True, env={**os.environ, **trusted})
    finally:
        cluster.kill()
        cluster.wait()
    check_whole(tmp_path / "run", 3)
