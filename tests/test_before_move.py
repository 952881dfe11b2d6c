"""Files of before the rebuilding (commit 7d12d2e, tests/fixtures/before_move/README.md) are read, and gone on with."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import movinet.models.ensemble  # noqa: F401  registers its layer
from movinet.__main__ import main as movinet_main
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.model import build_movinet
from movinet.model_garden import MovinetClassifier
from movinet.spec import read_spec, spec_from_dict
from movinet.streaming import Exponential, Stream, Window, initial_states, stream_model
from results.store import read_trials
from run_search import main

ROOT = Path(__file__).parents[1]
BEFORE = Path(__file__).parent / "fixtures" / "before_move"
NETWORKS = BEFORE / "networks"
MEMBERS = ["A0", "A1", "A2", "A3", "A4", "A5"]


@pytest.fixture(scope="module")
def logits() -> dict[str, np.ndarray]:
    with np.load(NETWORKS / "logits.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def frames(logits):
    """The clip (1, 6, 24, 24, 3) that `logits` answer."""
    return ops.convert_to_tensor(logits["clip"].astype("float32") / 255)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Where the run is in runs/run, and clips in data/ as soon as they are needed."""
    shutil.copytree(BEFORE / "run", tmp_path / "runs" / "run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    """Content by path, without what every start of a command writes."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.parent.name != "logs"}


def assert_close(found, expected) -> None:
    assert np.asarray(found).shape == expected.shape
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=1e-5)


def load(name: str) -> keras.Model:
    model = keras.models.load_model(NETWORKS / f"{name}.keras")
    assert isinstance(model, keras.Model)
    return model


def frame_by_frame(twin, states, frames) -> np.ndarray:
    rows = []
    for number in range(frames.shape[1]):
        states = dict(twin({"image": frames[:, number : number + 1], **states}, training=False))
        rows.append(np.asarray(states.pop("logits"))[0])
    return np.stack(rows)


@pytest.mark.parametrize("name", ["causal", "ensemble"])
def test_a_keras_file_gives_the_logits_of_before(name, logits, frames):
    assert np.abs(logits[name]).max() > 0.1
    assert_close(load(name)(frames, training=False), logits[name])


def test_a_network_built_from_its_spec_takes_the_weights_of_before(logits, frames):
    network = build_movinet(read_spec(NETWORKS / "causal.yaml"), 5)
    network.load_weights(NETWORKS / "causal.keras")
    assert_close(network(frames, training=False), logits["causal"])


def test_a_streamed_twin_gives_the_logits_of_before_frame_by_frame(logits, frames):
    network = load("causal")
    states = initial_states(network, 1, 24)
    assert_close(frame_by_frame(load("stream"), states, frames), logits["stream"])
    stream = Stream(network)
    pushed = [stream.push(frames[:, number : number + 1])[0] for number in range(frames.shape[1])]
    assert_close(np.stack(pushed), logits["stream"])
    assert_close(logits["stream"][-1:], logits["causal"])


@pytest.mark.parametrize(("name", "pool"), [("window", Window(3)), ("exponential", Exponential(2.0))])
def test_twins_of_other_pools_are_built_from_their_configs(name, pool, logits, frames):
    network = load("causal")
    twin = keras.saving.deserialize_keras_object(json.loads((NETWORKS / f"{name}.json").read_text()))
    twin.set_weights(network.get_weights())
    states = initial_states(network, 1, 24, pool)
    found = frame_by_frame(twin, states, frames)
    assert_close(found, frame_by_frame(stream_model(network, pool), states, frames))
    assert np.abs(found[-1] - logits["stream"][-1]).max() > 1e-4  # another pool than the published one


def test_a_classifier_of_the_original_is_built_from_its_config():
    classifier = keras.saving.deserialize_keras_object(json.loads((NETWORKS / "model_garden.json").read_text()))
    assert type(classifier) is MovinetClassifier
    assert classifier.backbone.spec.causal
    found, states = classifier(np.zeros((1, 1, 32, 32, 3), np.float32))
    assert found.shape == (1, 5)
    assert states.keys() == classifier.init_states((1, 1, 32, 32, 3)).keys()


def test_a_new_process_needs_the_documented_imports_only():
    """docs/export.md: `import movinet.model`, then `keras.models.load_model`; for a twin `import movinet.streaming`."""
    code = "import movinet.{}; print(keras.models.load_model({!r}).count_params())"
    files = {"model": "causal", "streaming": "stream"}
    lines = [code.format(module, str(NETWORKS / f"{name}.keras")) for module, name in files.items()]
    done = run_python("-c", "\n".join(["import keras", *lines]))
    expected = build_movinet(read_spec(NETWORKS / "causal.yaml"), 5).count_params()
    assert (done.returncode, done.stdout.split()) == (0, 2 * [str(expected)]), done.stderr


def test_specs_of_before_are_the_same_networks(folder):
    run = folder / "runs" / "run"
    for name in MEMBERS:
        member = run / "family" / name
        assert read_spec(member / "spec.yaml").id == json.loads((member / "metrics.json").read_text())["spec_id"]
    for line in (run / "trials.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert spec_from_dict(record["spec"]).id == record["spec_id"]
    trials = read_trials(run)
    assert sorted(trials["trial"]) == [0, 1, 2]
    assert set(trials["status"]) == {"finished"}


def test_a_finished_run_is_only_read_by_resume(folder, capsys):
    before = files(folder)
    assert main(["resume", "run"]) == 0
    after = files(folder)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"runs/run/pareto.png", "runs/run/pareto.svg"}
    assert "3 trials, 1 on the front" in capsys.readouterr().out


def test_a_run_is_drawn_with_its_family(folder):
    run = folder / "runs" / "run"
    front = (run / "front.csv").read_bytes()
    (run / "front.csv").unlink()
    assert main(["plot", "run"]) == 0
    assert (run / "front.csv").read_bytes() == front
    assert (run / "pareto.png").stat().st_size > 0
    assert all(name in (run / "pareto.svg").read_text() for name in MEMBERS)


def test_a_run_of_before_keeps_its_settings(folder, capsys):
    command = ["--config", "runs/run/config.yaml", "--name", "run", "--set"]
    assert main([*command, "search.population=3"]) == 2
    assert "search.strategy.population=2, but now 3" in capsys.readouterr().err


def test_a_member_is_exported(folder, capsys):
    run = folder / "runs" / "run"
    for name in MEMBERS[:-1]:
        shutil.rmtree(run / "family" / name)
    assert main(["export", "run"]) == 0
    file = Path("runs", "run", "family", MEMBERS[-1], "stream.tflite")
    assert f"written to {file}\n" in capsys.readouterr().out
    manifest = json.loads((folder / file).with_suffix(".json").read_text())
    assert manifest["labels"] == json.loads((run / "labels.json").read_text())


@pytest.mark.parametrize("model", ["run/family/A0", "experiment"])
def test_a_model_folder_tells_the_classes_of_a_clip(model, tmp_path, capsys):
    synthesize(tmp_path, MovingShapes(1, 1, resolution=32, frames_per_second=8, seconds=1), workers=1)
    video = sorted(tmp_path.rglob("*.mp4"))[0]
    assert movinet_main(["predict", str(video), "--model", str(BEFORE / model), "--top", "12", "--json"]) == 0
    classes = json.loads(capsys.readouterr().out)["classes"]
    assert sorted(each["label"] for each in classes) == json.loads((BEFORE / model / "labels.json").read_text())
    assert sum(each["probability"] for each in classes) == pytest.approx(1, abs=1e-4)


def test_a_killed_training_goes_on_to_its_last_epoch_as_it_would_have(tmp_path):
    shutil.copytree(BEFORE / "experiment", tmp_path / "model", ignore=shutil.ignore_patterns("ended"))
    done = run_python("-m", "movinet", "train", "--model_dir", "model", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "going on after 1 epochs and 2 steps" in done.stderr
    (first, *others), expected = rows(tmp_path / "model" / "log.csv"), rows(BEFORE / "experiment" / "ended" / "log.csv")
    assert [first] == rows(BEFORE / "experiment" / "log.csv")
    assert [row["epoch"] for row in others] == ["2", "3"]
    for found, row in zip(others, expected[1:], strict=True):
        for name in ("loss", "val_loss", "learning_rate"):
            assert float(found[name]) == pytest.approx(float(row[name]), abs=1e-3)  # another processor rounds elsewhere
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert (metrics["epochs"], metrics["finished"]) == (3, True)
    assert metrics.keys() >= json.loads((BEFORE / "experiment" / "ended" / "metrics.json").read_text()).keys()


@pytest.mark.slow
def test_a_missing_trial_and_the_family_are_trained(folder):
    run = folder / "runs" / "run"
    trials, asked = (run / "trials.jsonl").read_text().splitlines(), (run / "asked.jsonl").read_bytes()
    (run / "trials.jsonl").write_text("\n".join(trials[:-1]) + "\n")
    before = {name: json.loads((run / "family" / name / "metrics.json").read_text()) for name in MEMBERS}
    shutil.rmtree(run / "family")
    assert main(["resume", "run"]) == 0
    found = (run / "trials.jsonl").read_text().splitlines()
    assert found[:-1] == trials[:-1]
    last, expected = json.loads(found[-1]), json.loads(trials[-1])
    assert last["measurements"] != expected["measurements"]  # a clip is whole now
    for name in ("trial", "candidate", "spec", "spec_id", "cost", "status", "reason", "seed", "rejected"):
        assert last[name] == expected[name]
    assert (run / "asked.jsonl").read_bytes() == asked
    assert family(run).keys() == before.keys()
    for name, metrics in family(run).items():
        assert metrics["litert"]["file"] == "stream.tflite"
        assert metrics.keys() >= before[name].keys()  # keys are added, none renamed


@pytest.mark.slow
def test_an_interrupted_trial_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    run = tmp_path / "runs" / "killed"
    shutil.copytree(BEFORE / "killed", run)
    monkeypatch.chdir(tmp_path)
    (state,) = (run / "checkpoints" / "0").glob("*/evaluation.json")
    before = json.loads(state.read_text())["measurements"]
    assert 1 <= len(before) < 8
    assert main(["resume", "killed"]) == 0
    (record,) = map(json.loads, (run / "trials.jsonl").read_text().splitlines())
    assert record["measurements"][: len(before)] == before
    assert [each["epoch"] for each in record["measurements"]] == list(range(1, 9))
    assert record["candidate"] == json.loads((BEFORE / "killed" / "asked.jsonl").read_text())["candidate"]
    assert list(family(run)) == MEMBERS


@pytest.mark.slow
def test_a_run_gets_another_family(folder):
    run = folder / "runs" / "run"
    before = family(run)
    assert main(["scale", "run", "--set", "scaling.epochs=2"]) == 0
    after = family(run)
    assert {name: metrics["spec_id"] for name, metrics in after.items()} == {
        name: metrics["spec_id"] for name, metrics in before.items()
    }
    assert {metrics["epochs"] for metrics in after.values()} == {2}
    assert all((run / "family" / name / "model.keras").is_file() for name in MEMBERS)


def run_python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own that finds the packages wherever it starts."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def family(run: Path) -> dict[str, dict]:
    """Member -> its metrics.json."""
    paths = sorted(run.glob("family/*/metrics.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in paths}
