"""The whole path by its front door: interrupted, resumed, searched, scaled, trained, drawn, and asked again."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from movinet.__main__ import main as movinet
from movinet.data.sources.source import read_source
from results.store import TRIALS_FILE, read_trials
from run_search import main
from tests.support.paths import ROOT

MEMBERS = ["A0", "A1", "A2", "A3", "A4", "A5"]
CONFIG = """
space:
  clip: {seconds: 1, frames_per_second: [4], resolution: [16, 24]}
  model: {causal: true}
  stem: {filters: 8}
  block2: {stride: 2, base_filters: [8, 16], layers: [1, 2], kernel: [[1, 3, 3], [3, 3, 3]], expand_ratio: 2}
  head: {project_filters: 16, head_filters: 16}
data: {moving_shapes: {train_clips: 3, val_clips: 1}, folder: FOLDER}
train: {epochs: 1, batch_size: 12}
search: {strategy: random, trials: 3}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(CONFIG.replace("FOLDER", str(folder / "data")))
    return folder / "tiny.yaml"


@pytest.fixture(scope="module")
def search(config) -> list[str]:
    return ["--config", str(config), "--runs-folder", str(config.parent / "runs")]


@pytest.fixture(scope="module")
def run(config, search) -> Path:
    """The folder of a run that was interrupted while it wrote clips, and then resumed."""
    command = [sys.executable, str(ROOT / "run_search.py"), *search]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "writing clips" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert said == f"interrupted; go on with: python run_search.py resume tiny --runs-folder {search[-1]}\n"
    assert process.returncode == 130
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_search.py"), "resume", "tiny", *search[2:]], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    (config.parent / "said.txt").write_text(done.stdout)
    return config.parent / "runs" / "tiny"


def test_a_run_leaves_all_its_files(run):
    for name in (
        "config.yaml",
        "environment.json",
        TRIALS_FILE,
        "front.csv",
        "pareto.png",
        "pareto.svg",
        "labels.json",
    ):
        assert (run / name).stat().st_size > 0
    for member in MEMBERS:
        for name in ("spec.yaml", "model.keras", "metrics.json", "labels.json", "stream.tflite", "stream_runner.py"):
            assert (run / "family" / member / name).stat().st_size > 0
        litert = json.loads((run / "family" / member / "metrics.json").read_text())["litert"]
        assert litert["file"] == "stream.tflite"
        assert litert["relative_error"] < 1e-4
    trials = read_trials(run)
    assert sorted(trials["trial"]) == [0, 1, 2]
    assert trials["spec_id"].is_unique
    assert set(trials["status"]) == {"finished"}


def test_the_family_doubles_from_member_to_member(run):
    flops = [json.loads((run / "family" / name / "metrics.json").read_text())["flops"] for name in MEMBERS]
    best = read_trials(run).sort_values(["accuracy", "flops"], ascending=[False, True]).iloc[0]
    assert flops[2] == best["flops"]
    for index, used in enumerate(flops):
        assert used == pytest.approx(flops[2] * 2.0 ** (index - 2), rel=0.1)


def test_a_run_says_what_it_does_in_plain_lines(run):
    said = (run.parents[1] / "said.txt").read_text()
    assert "\x1b" not in said
    (shapes,) = run.parents[1].glob("data/moving_shapes-*")
    assert f"predict '{read_source(shapes).split('val')[0].path}' --model" in said
    for text in (
        "search: 3 trials on ",
        "trial 2 finished: ",
        "A5 trained: ",
        "3 trials, ",
        "try      python -m movinet predict ",
        " --stream\n",
        f"phones   {run / 'family' / '*' / 'stream.tflite'}\n",
        f"export   python run_search.py export tiny --runs-folder {run.parent} --quantize int8\n",
    ):
        assert text in said


def test_the_same_command_again_trains_nothing(run, search, capsys):
    before = {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file() and path.name != ".lock"}
    assert main(search) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert "3 trials, " in capsys.readouterr().out


def test_a_run_keeps_its_settings(run, search, capsys):
    assert main([*search, "--set", "search.seed=5"]) == 2
    error = capsys.readouterr().err
    assert "search.seed=0, but now 5" in error
    assert "another --name" in error


def test_resume_refuses_what_would_change_the_meaning_of_records(run, search, capsys):
    before = (run / "config.yaml").read_bytes()
    assert main(["resume", "tiny", *search[2:], "--set", "search.trials=9", "search.seed=5"]) == 2
    error = capsys.readouterr().err
    assert f"{run / 'config.yaml'}: search.seed=0 is on record, and 5 would give it another meaning" in error
    assert error.count("\n") == 1
    assert (run / "config.yaml").read_bytes() == before


def test_a_member_names_the_classes_of_a_clip(run, config, capsys):
    video = next((config.parent / "data").rglob("*.mp4"))
    assert movinet(["predict", str(video), "--model", str(run / "family" / "A1"), "--top", "12"]) == 0
    labels = [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()]
    assert sorted(labels) == json.loads((run / "labels.json").read_text())


def test_the_picture_can_be_drawn_anew(run, search, capsys):
    before = (run / "pareto.svg").read_bytes()
    (run / "pareto.svg").unlink()
    assert main(["plot", "tiny", *search[2:]]) == 0
    assert (run / "pareto.svg").read_bytes() == before
    assert str(run / "pareto.svg") in capsys.readouterr().out


@pytest.mark.slow
def test_a_family_is_exported_by_its_run_on_its_own_clips(run, config, search, capsys):
    pytest.importorskip("ai_edge_litert")
    assert main(["export", "tiny", *search[2:], "--quantize", "float16", "--calibration-clips", "99"]) == 0
    said = capsys.readouterr().out
    for member in MEMBERS:
        manifest = run / "family" / member / "stream_float16.json"
        assert f"written to {manifest.with_suffix('.tflite')}\n" in said
        assert json.loads(manifest.read_text())["file"] == "stream_float16.tflite"
    (shapes,) = (config.parent / "data").glob("moving_shapes-*")
    assert said.count(f"note: {shapes}: 36 of the 99 clips asked for") == len(MEMBERS)  # those it was trained on


def test_only_export_takes_other_options(run, search, capsys):
    assert main(["plot", "tiny", *search[2:], "--quantize", "int8"]) == 2
    assert "unrecognized arguments: --quantize int8" in capsys.readouterr().err


def test_scale_takes_only_the_settings_of_scaling(run, search, capsys):
    assert main(["scale", "tiny", *search[2:], "--set", "search.trials=9"]) == 2
    assert "--set search.trials=9 is not allowed; allowed here: scaling.KEY=VALUE" in capsys.readouterr().err
    assert main(["scale", "tiny", *search[2:]]) == 0


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def epochs_of(family: Path) -> dict[str, int]:
    """How many each member was trained for."""
    return {name: len(json.loads((family / name / "metrics.json").read_text())["measurements"]) for name in MEMBERS}


def killed_when(condition: Callable[[], object], *words: str) -> None:
    """Runs a command and kills it, as `kill -9` does, once it has got so far."""
    command = [sys.executable, str(ROOT / "run_search.py"), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not condition():
        assert process.poll() is None, "it ended before"
        time.sleep(0.02)
    process.kill()
    process.wait()


def test_an_interrupted_scale_names_itself(run, search):
    words = ["scale", "tiny", *search[2:], "--family", "long", "--set", "scaling.epochs=200"]
    command = [sys.executable, str(ROOT / "run_search.py"), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (run / "families" / "long" / "checkpoints").is_dir():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert said == f"interrupted; go on with: {shlex.join(['python', 'run_search.py', *words])}\n"
    assert process.returncode == 130
    shutil.rmtree(run / "families")


@pytest.mark.slow
def test_every_family_is_whole_in_its_place_whatever_is_killed(search):
    more, run = ["--runs-folder", search[-1]], Path(search[-1], "killed")
    assert main([*search, "--name", "killed", "--set", "search.trials=1"]) == 0
    (run / "family" / "A0" / "mine.txt").write_text("laid there by somebody")
    first = contents(run / "family")

    scaling = ["scale", "killed", *more, "--set", "scaling.epochs=3"]
    killed_when(lambda: (run / "family" / "checkpoints" / "A5" / "1").is_dir(), *scaling)
    assert contents(run / "families" / "1") == first
    killed_when(lambda: list((run / "family").glob("*/metrics.json")), "resume", "killed", *more)
    assert main(["resume", "killed", *more]) == 0
    assert epochs_of(run / "family") == dict.fromkeys(MEMBERS, 3)
    second = contents(run / "family")

    killed_when(lambda: len(read_trials(run)) > 1, "resume", "killed", *more, "--set", "search.trials=5")
    assert main(["resume", "killed", *more]) == 0
    best = read_trials(run).sort_values(["accuracy", "flops"], ascending=[False, True]).iloc[0]
    moved = run / "families" / "2" if best["trial"] else run / "family"
    assert contents(moved) == second
    assert json.loads((run / "family" / "A2" / "metrics.json").read_text())["spec_id"] == best["spec_id"]
    third = contents(run / "family")

    again = ["scale", "killed", *more, "--set", "scaling.epochs=2"]
    killed_when(lambda: (run / "family" / "checkpoints").is_dir(), *again)
    assert main(["resume", "killed", *more]) == 0
    assert contents(run / "families" / ("3" if best["trial"] else "2")) == third
    assert contents(run / "families" / "1") == first
    assert epochs_of(run / "family") == dict.fromkeys(MEMBERS, 2)


def test_a_run_whose_trials_all_fail_says_why_and_where_the_log_is(run, search, capfd):
    name = ["--name", "hasty", "--set", "train.learning_rate=1e38", "search.trials=1"]
    assert main([*search, *name]) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert "no trial has an accuracy (diverged: loss is " in error
    log = run.parent / "hasty" / "logs" / "run_search.log"
    assert str(log) in error
    assert "NoBestTrial" in log.read_text()


def test_a_config_is_printed_with_its_origins_and_the_costs_of_its_space(config, search, capsys):
    assert main([*search, "--name", "printed", "--set", "search.trials=2", "--print-config"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^search.trials: 2 +# --set$", said, re.MULTILINE)
    assert re.search(rf"^search.strategy.name: random +# {re.escape(str(config))}$", said, re.MULTILINE)
    assert re.search(r"^train.learning_rate: 0.006 +# default$", said, re.MULTILINE)
    assert re.search(r"^costs: [\d.]+ to [\d.]+ MFLOPs, median ", said, re.MULTILINE)
    assert not (config.parent / "runs" / "printed").exists()


def test_show_describes_a_space(capsys):
    assert main(["show", str(ROOT / "configs" / "spaces" / "movinet.yaml"), "--samples", "50"]) == 0
    assert "block2" in capsys.readouterr().out
