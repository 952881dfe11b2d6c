"""One rule of what is bad input, for both front doors; faults end with a traceback in a log."""

import ast
import errno
import importlib
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import run_search
from movinet import __main__ as movinet
from movinet.config.errors import InputError, answer, exit_code
from tests.support.paths import ROOT

PACKAGES = ("movinet", "space", "search", "results")


def error_classes():
    """Each class of ours that ends in Error, as module and name, without importing what is heavy."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
            if any(base.endswith("Error") for base in bases):
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts), node.name


@pytest.mark.parametrize(("module", "name"), list(error_classes()), ids=str)
def test_every_value_error_of_ours_is_bad_input(module, name):
    found = getattr(importlib.import_module(module), name)
    assert not issubclass(found, ValueError) or issubclass(found, InputError)


def test_the_rule():
    assert exit_code(InputError("x=1 is not allowed")) == 2
    assert exit_code(FileNotFoundError(errno.ENOENT, "No such file", "x.mp4")) == 2
    assert exit_code(OSError(errno.ENOSPC, "No space left", "x.mp4")) == 1
    assert exit_code(ValueError("could not broadcast")) == 1
    assert exit_code(KeyboardInterrupt()) == 130


def fails(*_, **__):
    np.zeros(3).reshape(2, 2)  # a library's ValueError


def test_a_librarys_fault_is_no_bad_input_of_movinet(monkeypatch, capsys):
    monkeypatch.setattr("movinet.cost.network_cost", fails)
    assert movinet.main(["cost", "a0-base"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("failed: ValueError: cannot reshape")
    log = Path(line.split("(details in ")[1].rstrip(")"))
    assert "Traceback" in log.read_text(encoding="utf-8")
    log.unlink()


def test_a_librarys_fault_is_no_bad_input_of_run_search(monkeypatch, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("space: {}\n", encoding="utf-8")
    monkeypatch.setattr("results.plots.write_front", fails)
    assert run_search.main(["plot", "mine", "--runs-folder", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    log = tmp_path / "mine" / "logs" / "run_search.log"
    assert line.startswith("failed: ValueError: cannot reshape")
    assert line.endswith(f"(details in {log})")
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_a_fault_that_cannot_be_logged_there_is_logged_elsewhere(tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert answer(RuntimeError("broken"), tmp_path / "file" / "x.log") == 1
    (line,) = capsys.readouterr().err.splitlines()
    log = Path(line.split("(details in ")[1].rstrip(")"))
    assert "RuntimeError: broken" in log.read_text(encoding="utf-8")
    log.unlink()


SHOW = "run_search.py show configs/spaces/moving_shapes.yaml --samples 9"

# front door and arguments: what the line must name. In the folder of `place`.
WRONG = {
    "movinet": ["required: COMMAND"],
    "movinet nope": ["'nope'", "predict"],
    "movinet data": ["required: COMMAND"],
    "movinet cost nope": ["nope", "a0-base"],
    "movinet cost a0-base --frames 0": ["--frames 0", "1 or more"],
    "movinet cost a0-base --frames nan": ["--frames nan", "an integer"],
    "movinet cost a0-base --frames 99999999999999999999": ["--frames 9999", "an integer"],
    "movinet cost empty": ["empty"],
    "movinet cost binary.yaml": ["binary.yaml"],
    "movinet cost list.yaml": ["list.yaml"],
    "movinet cost a0-base --colour": ["--colour"],
    "movinet data check nope": ["nope"],
    "movinet data check empty": ["empty"],
    "movinet data check clips --workers 0": ["--workers 0", "1 or more"],
    "movinet data check clips --frame-rate nan": ["--frame-rate nan", "a number"],
    "movinet data check clips --frame-rate inf": ["--frame-rate inf", "a number"],
    "movinet data check clips --frame-rate -1": ["--frame-rate -1", "> 0"],
    "movinet data check clips --report empty": ["empty", "a file"],
    "movinet data check clips --address nonsense": ["--address nonsense", "host:port"],
    "movinet data check clips --address ''": ["--address", "host:port"],
    "movinet data check clips --address 127.0.0.1:1": ["--address 127.0.0.1:1", "no Ray cluster"],
    "movinet data index clips empty": ["empty", "a file"],
    "movinet data reduce clips out --fps nan": ["--fps nan", "a number"],
    "movinet data reduce clips out --fps 0": ["--fps 0", "> 0"],
    "movinet data reduce clips out --seconds -inf": ["--seconds"],
    "movinet data reduce clips out --short-side 3": ["--short-side 3", "16"],
    "movinet data reduce clips out --clips nan": ["nan"],
    "movinet data reduce clips out --labels nope": ["nope"],
    "movinet data reduce clips out --format avi": ["--format avi", "tfrecord"],
    "movinet data show clips --out x.txt": ["--out x.txt", ".png"],
    "movinet data show clips --out x.png --fps inf": ["--fps inf", "a number"],
    "movinet data show clips --out x.png --seed -1": ["--seed -1", "0 or more"],
    "movinet data show clips --out x.png --split nope": ["nope"],
    "movinet data synthesize empty --train-clips nan": ["--train-clips nan", "an integer"],
    "movinet data synthesize text.mp4": ["text.mp4"],
    "movinet bench models --networks nope": ["nope", "a0-base"],
    "movinet bench models --limit nan": ["--limit nan", "a number"],
    "movinet bench models --out x.txt": ["--out x.txt", ".md"],
    "movinet bench models --peer nope": ["--peer nope"],
    "movinet bench deploy a0-stream --limit inf": ["--limit inf", "a number"],
    "movinet train": ["--config is missing"],
    "movinet train --config nope.yaml": ["nope.yaml"],
    "movinet train --config binary.yaml --model_dir m": ["binary.yaml"],
    "movinet train --model_dir torn --set train.learning_rate=.nan": ["train.learning_rate", "a number"],
    "movinet train --model_dir torn --mode nope": ["'nope'", "train_and_eval"],
    "movinet predict text.mp4 --model torn": ["text.mp4"],
    "movinet predict text.mp4 --model torn --threshold nan": ["--threshold nan", "a number"],
    "movinet predict text.mp4": ["--model"],
    "movinet export torn --fps inf": ["--fps inf", "a number"],
    "movinet export torn --format nope": ["'nope'", "litert"],
    "movinet export torn": ["torn/model.keras"],
    "movinet export a0-base": ["--out is missing"],
    "movinet convert torn/model.keras y.keras": ["torn/model.keras"],
    "movinet convert torn/model.keras y.onnx": ["y.onnx", ".keras"],
    "movinet cost a0_base": ["a0_base", "did you mean a0-base?"],
    "movinet cost a0-base --size 1": ["--size 1", "32 or more"],
    "movinet cost search.yaml": ["search.yaml: a search's config, not a network", "--config search.yaml"],
    "movinet cost space.yaml": ["space.yaml: a space, not a network", "show space.yaml"],
    "movinet bench models --networks a0-bse": ["did you mean a0-base?"],
    "movinet convert x.keras y.keras --network a0-bse": ["did you mean a0-base?"],
    "movinet train --config torn/config.yaml --set network=a0-bse": ["network=a0-bse", "did you mean a0-base?"],
    "movinet train --config search.yaml": ["search.yaml: a search's config, not an experiment"],
    "movinet train --config space.yaml": ["space.yaml: a space, not an experiment"],
    "movinet train --config torn/spec.yaml": ["torn/spec.yaml: a network, not an experiment", "movinet cost"],
    "movinet data show clips --out x.png --size 0": ["--size 0", "1 or more"],
    "movinet data show clips --out x.png --fps 0": ["--fps 0", "> 0"],
    "search --config space.yaml": ["space.yaml: a space, not a", "show space.yaml", "--set space=space.yaml"],
    "search --config space.yaml --set search.trials=3": ["space.yaml: a space"],
    "search --config torn/config.yaml --print-config": ["torn/config.yaml: an experiment", "movinet train --config"],
    "search --config torn/spec.yaml": ["torn/spec.yaml: a network"],
    "search --config search.yaml --set space=search.yaml": ["search.yaml: a search's config, not a space"],
    "search --config search.yaml --set space=nope.yaml": ["--set space=nope.yaml", "a YAML file that exists"],
    "search show search.yaml": ["search.yaml: a search's config, not a space", "--print-config"],
    "search show torn/config.yaml": ["torn/config.yaml: an experiment, not a space"],
    "search resume torn": ["torn", "no such run"],
    "search resume ./torn": ["--name ./torn", "did you mean torn --runs-folder .?"],
    "search plot trn --runs-folder .": ["trn", "did you mean torn?"],
    "search --confg x": ["--confg"],
    "search serach": ["'serach'", "resume"],
    "search --config empty": ["empty"],
    "search --config torn/config.yaml": ["torn/config.yaml"],
    "search resume nope": ["nope", "none yet"],
    "search plot": ["RUN"],
    "search show nope.yaml": ["nope.yaml"],
    "search show list.yaml --samples nan": ["--samples nan", "an integer"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of things to be refused: no videos, no YAML, and a model folder whose weights are torn."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "empty").mkdir()
    (folder / "clips" / "a").mkdir(parents=True)
    for name in ("text.mp4", "clips/a/1.mp4"):
        (folder / name).write_text("no video", encoding="utf-8")
    (folder / "binary.yaml").write_bytes(bytes(range(256)))
    (folder / "list.yaml").write_text("[1, 2]", encoding="utf-8")
    shutil.copytree(ROOT / "tests" / "fixtures" / "before_move" / "experiment", folder / "torn")
    space = yaml.safe_load((ROOT / "configs" / "spaces" / "moving_shapes.yaml").read_text(encoding="utf-8"))
    (folder / "space.yaml").write_text(yaml.safe_dump(space), encoding="utf-8")
    (folder / "search.yaml").write_text("space: space.yaml\nsearch: {trials: 2}\n", encoding="utf-8")
    weights = folder / "torn" / "model.keras"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    return folder


@pytest.mark.parametrize("command", WRONG)
def test_a_wrong_command_is_answered_by_one_line(command, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    door, *words = shlex.split(command)
    before = sorted(place.rglob("*"))
    assert {"movinet": movinet.main, "search": run_search.main}[door](words) == 2
    *said, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert all(each == "loading the network ..." or each.startswith("note: ") for each in said)
    for text in WRONG[command]:
        assert text in line
    assert sorted(place.rglob("*")) == before


def test_what_listens_and_is_no_cluster_is_named(place, monkeypatch, capsys):
    monkeypatch.setattr("movinet.machine.cluster.ANSWER_SECONDS", 3)
    monkeypatch.chdir(place)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        assert movinet.main(["data", "check", "clips", "--address", address]) == 2
    assert f"--address {address}: no Ray cluster answers there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pipe", "code", "error"),
    [("| head -0", 0, ""), ("> /dev/full", 1, "failed: No space left on device\n")],
    ids=["closed", "full"],
)
@pytest.mark.parametrize(
    "command",
    [
        "-m movinet cost a0-base",
        SHOW,
        "run_search.py --print-config",
        "-m movinet train --config configs/experiments/folder.yaml --print-config",
    ],
)
def test_an_output_that_takes_nothing(command, pipe, code, error):
    shell = f"set -o pipefail; {shlex.quote(sys.executable)} {command} {pipe}"
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, error)


WRAPPED = """
from movinet.config.errors import answer
try:
    try:
        print("to nobody", flush=True)
    except OSError as error:
        raise RuntimeError("a callback failed") from error
except RuntimeError as error:
    raise SystemExit(answer(error))
"""


def test_an_output_that_a_framework_could_not_write_ends_quietly_too():
    shell = f"set -o pipefail; {shlex.quote(sys.executable)} -c {shlex.quote(WRAPPED)} | head -0"
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_one_line_about_the_file(place, tmp_path):
    shell = f"ulimit -f 0; {shlex.quote(sys.executable)} -m movinet data synthesize {tmp_path / 'x'} --train-clips 1"
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"failed: {tmp_path / 'x' / 'moving_shapes.json'}: File too large\n")
    assert not any((tmp_path / "x").iterdir())
