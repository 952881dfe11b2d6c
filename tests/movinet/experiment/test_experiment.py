"""From a YAML experiment to a model folder: settings and their origins, training, resuming after a kill, early ends."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from movinet.__main__ import main
from movinet.config.file import describe
from movinet.config.typed import ConfigError
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.experiment.continuous import evaluate_continuously
from movinet.experiment.folder import History
from movinet.experiment.progress import TrainingProgress
from movinet.experiment.session import train
from movinet.experiment.settings import difference, experiment_to_yaml, load_experiment
from movinet.machine.lock import locked
from movinet.models.answers import predict
from movinet.models.folder import load_network, read_member
from movinet.presets import PRESETS
from movinet.training.measurement import TrainingDiverged
from tests.support.experiments import write_config
from tests.support.killed import left_by_a_killed_process

CONFIGS = sorted(Path("configs/experiments").rglob("*.yaml"))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    return write_config(folder / "tiny.yaml", folder / "data")


@pytest.fixture(scope="module")
def trained(config, tmp_path_factory):
    """A finished training of three epochs, and what it returned."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, train(load_experiment(config)[0], folder, TrainingProgress())


def weights(folder):
    with np.load(folder / "training.npz") as file:
        return {name: file[name] for name in file.files if name != "state"}


def assert_equal_weights(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("path", CONFIGS, ids=str)
def test_each_shipped_experiment_loads_and_loads_back_equal(path, tmp_path):
    experiment, _ = load_experiment(path)
    resolved = tmp_path / "config.yaml"
    resolved.write_text(experiment_to_yaml(experiment))
    assert load_experiment(resolved)[0] == experiment


def test_every_published_network_has_a_recipe():
    recipes = {load_experiment(path)[0].network for path in CONFIGS if "kinetics600" in str(path)}
    assert recipes == set(PRESETS)


def test_a3_trains_on_64_frames_and_is_measured_on_120():
    clip, train_clip = load_experiment("configs/experiments/kinetics600/a3-base.yaml")[0].clips()
    assert (clip.frames, train_clip.frames, train_clip.resolution) == (120, 64, 256)


def test_files_inherit_and_every_value_tells_its_origin(tmp_path):
    (tmp_path / "low.yaml").write_text("train: {epochs: 5, seed: 3}\n")
    (tmp_path / "high.yaml").write_text("base: low.yaml\ntrain: {epochs: 7}\n")
    experiment, origins = load_experiment(tmp_path / "high.yaml", ["train.batch_size=2"])
    settings = experiment.train
    assert (settings.epochs, settings.seed, settings.batch_size) == (7, 3, 2)
    lines = {line.split(":")[0]: line.split("# ")[1] for line in describe(experiment, origins).splitlines()}
    assert lines["train.epochs"] == str(tmp_path / "high.yaml")
    assert lines["train.seed"] == str(tmp_path / "low.yaml")
    assert lines["train.batch_size"] == "--set"
    assert lines["train.learning_rate"] == "default"


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("trian: {}", [], "x.yaml: trian is not a setting; did you mean train?"),
        ("train: {epochs: 0}", [], "x.yaml: train.epochs=0 is not allowed; allowed: an integer >= 1"),
        ("base: low.yaml", [], "low.yaml: train.epochs=-1 is not allowed; allowed: an integer >= 1"),
        ("base: nowhere.yaml", [], "x.yaml: base=nowhere.yaml is not allowed; allowed: a YAML file that exists"),
        ("base: x.yaml", [], "x.yaml is not allowed; allowed: a file that does not lead back to itself"),
        ("", ["train.epochs=0"], "--set train.epochs=0 is not allowed"),
        ("", ["train.epocs=3"], "--set train.epocs is not a setting; did you mean epochs?"),
        ("", ["train.epochs"], "--set train.epochs is not allowed; allowed: key=value"),
        (
            "network: a9-base",
            [],
            "network=a9-base is not allowed; did you mean a5-base? allowed: a model folder, a spec.yaml, a spec",
        ),
        ("network: {stem: {filters: 8}}", [], "x.yaml: network: spec.blocks is missing"),
        (
            "train: {freeze_until: block9}",
            [],
            "train.freeze_until=block9 is not allowed; allowed: stem, block0",
        ),
        ("clip: {frames: 0}", [], "x.yaml: clip.frames=0 is not allowed; allowed: an integer >= 1"),
        ("evaluation: {crops: 2}", [], "evaluation.crops=2 is not allowed; allowed: 1, 3"),
        ("train: {mixing: {mixup: -1}}", [], "train.mixing.mixup=-1.0 is not allowed; allowed: a number, 0 to 100"),
        ("train: {class_weights: {a: 0}}", [], "train.class_weights={'a': 0} is not allowed; allowed: balanced, null"),
        ("train: {augment: {policy: best}}", [], "train.augment.policy=best is not allowed; allowed: none, rand, auto"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_key_value_and_what_is_allowed(text, overrides, message, tmp_path, capsys):
    (tmp_path / "low.yaml").write_text("train: {epochs: -1}\n")
    path = tmp_path / "x.yaml"
    path.write_text(text + "\n" if text else "{}\n")
    command = ["train", "--config", str(path), "--model_dir", str(tmp_path / "m")]
    assert main([*command, *(["--set", *overrides] if overrides else [])]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert message in errors[0]
    assert not (tmp_path / "m").exists()


def test_missing_options_are_named(capsys, config):
    assert main(["train"]) == 2
    assert "--config is missing" in capsys.readouterr().err
    assert main(["train", "--config", str(config)]) == 2
    assert "--model_dir is missing" in capsys.readouterr().err


def test_print_config_shows_values_and_starts_nothing(config, tmp_path, capsys):
    assert main(["train", "--config", str(config), "--set", "train.epochs=9", "--print-config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("train.epochs: 9 ") and line.endswith("# --set") for line in lines)


def test_a_training_leaves_a_whole_model_folder(trained, config):
    folder, metrics = trained
    rows = list(csv.DictReader((folder / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert metrics == json.loads((folder / "metrics.json").read_text())
    assert metrics["finished"]
    assert metrics["top1"] == max(float(row["val_accuracy"]) for row in rows)
    assert metrics["last"]["top1"] == float(rows[-1]["val_accuracy"])
    assert metrics["top5"] >= metrics["top1"]
    assert len(json.loads((folder / "labels.json").read_text())) == 12
    assert load_experiment(folder / "config.yaml")[0] == load_experiment(config)[0]
    assert len(list((folder / "tensorboard").glob("events*"))) == 1


def test_the_written_model_predicts_as_a_family_member_does(trained):
    member = read_member(trained[0])
    classes = predict(load_network(member), np.zeros((4, 16, 16, 3), np.float32), member.labels)
    assert len(classes) == 5
    assert {name for name, _ in classes} <= set(member.labels)


def test_the_same_command_again_changes_nothing(trained, config):
    folder, metrics = trained
    before = (folder / "training.npz").read_bytes()
    assert train(load_experiment(config)[0], folder, TrainingProgress()) == metrics
    assert (folder / "training.npz").read_bytes() == before


def test_other_settings_in_the_same_folder_are_refused(trained, config):
    folder, _ = trained
    with pytest.raises(
        ConfigError, match=r"begun with train.epochs=3, not 4; allowed: the same, or another --model_dir"
    ):
        train(load_experiment(config, ["train.epochs=4"])[0], folder, TrainingProgress())
    with pytest.raises(ConfigError, match=r"begun with network.stem.filters=4, not 8"):
        train(load_experiment(config, ["network.stem.filters=8"])[0], folder, TrainingProgress())
    old, new = load_experiment(config)[0], load_experiment(config, ["run.ahead=3", "evaluation.clips=2"])[0]
    assert difference(old, new) is None


@pytest.mark.slow
def test_an_interrupted_training_says_how_to_go_on(config, tmp_path):
    command = [sys.executable, "-m", "movinet", "train", "--config", str(config), "--model_dir", str(tmp_path / "m")]
    process = subprocess.Popen([*command, "--set", "train.epochs=100000"], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert any("epoch 1/" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert "interrupted; the same command goes on" in process.stderr.read()
        assert process.wait(60) == 130
    finally:
        process.kill()
    assert (tmp_path / "m" / "training.npz").is_file()


def test_two_processes_do_not_train_in_one_folder(config, tmp_path):
    with locked(tmp_path), pytest.raises(ConfigError, match=rf"is being written by process {os.getpid()}; wait"):
        train(load_experiment(config)[0], tmp_path, TrainingProgress())


class Stopping(TrainingProgress):
    """Ends the process' part, as a kill would, once so many steps were done."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def step(self, done, total, steps_per_epoch):
        if done >= self.steps:
            raise KeyboardInterrupt


@pytest.mark.parametrize("steps", [3, 6, 10])
def test_a_training_stopped_anywhere_ends_with_the_same_weights(trained, config, tmp_path, steps):
    experiment, _ = load_experiment(config)
    with pytest.raises(KeyboardInterrupt):
        train(experiment, tmp_path / "m", Stopping(steps))
    left_by_a_killed_process(tmp_path / "m", "model.keras")
    metrics = train(experiment, tmp_path / "m", TrainingProgress())
    assert not list((tmp_path / "m").glob(".draft-*"))
    assert_equal_weights(tmp_path / "m", trained[0])
    assert {name: metrics[name] for name in ("top1", "top5", "epoch")} == {
        name: trained[1][name] for name in ("top1", "top5", "epoch")
    }
    one, other = (list(csv.DictReader((folder / "log.csv").open())) for folder in (tmp_path / "m", trained[0]))
    for name in ("loss", "accuracy", "val_loss", "val_top5", "learning_rate"):
        assert [row[name] for row in one] == [row[name] for row in other]


@pytest.mark.slow
def test_a_process_killed_five_times_ends_with_the_bits_of_one_that_was_not(config, tmp_path):
    command = [sys.executable, "-m", "movinet", "train", "--config", str(config), "--set", "train.epochs=40"]
    checkpoint = tmp_path / "killed" / "training.npz"

    def start(folder):
        return subprocess.Popen([*command, "--model_dir", str(folder)], stderr=subprocess.DEVNULL)

    def written():
        return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0

    assert start(tmp_path / "whole").wait() == 0
    for delay in (0, 0.03, 0.1, 0.2, 0.3):  # seconds after a checkpoint of its own
        before, killed = written(), start(tmp_path / "killed")
        while written() == before:
            assert killed.poll() is None
            time.sleep(0.001)
        time.sleep(delay)
        assert killed.poll() is None
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert start(tmp_path / "killed").wait() == 0
    assert_equal_weights(tmp_path / "killed", tmp_path / "whole")


def test_a_loss_that_is_no_number_goes_back_with_half_the_rate_or_stops(config, tmp_path):
    wild = ["train.optimizer=sgd", "train.learning_rate=1e30", "train.clip_norm=null", "train.warmup=0"]
    experiment, _ = load_experiment(config, wild)
    with pytest.raises(TrainingDiverged):
        train(
            replace(experiment, run=replace(experiment.run, on_divergence="stop")),
            tmp_path / "stop",
            TrainingProgress(),
        )
    with pytest.raises(TrainingDiverged):  # 1e30 / 32 is no better
        train(experiment, tmp_path / "back", TrainingProgress())
    with np.load(tmp_path / "back" / "training.npz") as file:
        assert file["rate_scale0"] == 0.5**5
        assert all(np.isfinite(file[name]).all() for name in file.files if name.startswith("weight"))


def test_training_ends_when_it_gets_no_better(config, tmp_path, capsys):
    still = ["train.learning_rate=1e-12", "train.warmup=0", "train.weight_decay=0", "train.batch_norm_momentum=0.999"]
    experiment, _ = load_experiment(config, [*still, "train.epochs=50", "run.patience=2"])
    history_of = train(experiment, tmp_path / "m", TrainingProgress())
    assert history_of["stopped"] == "no better for 2 epochs"
    assert history_of["epochs"] == history_of["epoch"] + 2 < 50
    assert "stopped: no better for 2 epochs" in capsys.readouterr().err


def test_a_trained_model_is_fine_tuned_with_another_head_and_frozen_layers(trained, config, tmp_path):
    folder, _ = trained
    videos = iter(sorted(Path(load_experiment(config)[0].data.folder).rglob("*.mp4")))
    rows = [f"{next(videos)},{label},{split}" for split in ("train", "train", "val") for label in "xy"]
    (tmp_path / "clips.csv").write_text("path,label,split\n" + "\n".join(rows))
    changes = [f"network={folder}", f"weights={folder}", f"data.path={tmp_path / 'clips.csv'}", "train.epochs=1"]
    changes += ["train.freeze_until=block0", "train.layer_decay=0.5", "train.batch_size=2"]
    experiment, _ = load_experiment(config, changes)
    train(experiment, tmp_path / "m", TrainingProgress())
    tuned = load_network(read_member(tmp_path / "m"))
    before = load_network(read_member(folder))
    assert tuned.output_shape == (None, 2)
    changed = {
        weight.path: not np.array_equal(np.asarray(weight), np.asarray(old))
        for weight, old in zip(tuned.weights, before.weights, strict=True)
        if weight.shape == old.shape
    }
    assert not any(value for path, value in changed.items() if path.startswith(("stem", "block0")))
    assert changed["head/project/kernel"]


def test_weights_that_are_not_there_are_refused(config, tmp_path):
    with pytest.raises(ConfigError, match="weights=nowhere is not allowed; allowed: a checkpoint or a model folder"):
        train(load_experiment(config, ["weights=nowhere"])[0], tmp_path / "m", TrainingProgress())


def test_a_model_folder_does_not_need_the_one_its_network_came_from(trained, config, tmp_path):
    experiment, _ = load_experiment(config, [f"network={trained[0]}"])
    assert experiment.network == load_experiment(config)[0].spec().to_dict()


def test_each_checkpoint_of_a_training_is_measured_beside_it(trained, config, tmp_path):
    folder, metrics = trained
    evaluate_continuously(load_experiment(config)[0], folder, TrainingProgress(), poll=0)
    rows = list(csv.DictReader((folder / "continuous.csv").open()))
    assert rows[-1]["epoch"] == "3"
    assert float(rows[-1]["accuracy"]) == metrics["last"]["top1"]
    evaluate_continuously(load_experiment(config)[0], folder, TrainingProgress(), poll=0)  # an epoch is measured once
    assert list(csv.DictReader((folder / "continuous.csv").open())) == rows
    with pytest.raises(ConfigError, match="no training was begun here"):
        evaluate_continuously(load_experiment(config)[0], tmp_path, TrainingProgress())


def test_the_best_epoch_is_the_most_accurate_then_the_one_of_least_loss():
    figures = [(1, 0.5, 2), (2, 0.5, 1), (3, 0.4, 0)]
    rows = [{"epoch": e, "val_accuracy": a, "val_loss": x, "val_map": None} for e, a, x in figures]
    history = History(rows)
    assert history.best["epoch"] == 2


def test_recipes_are_the_published_ones():
    recipes = {path.stem: load_experiment(path)[0] for path in CONFIGS if "kinetics600/" in path.as_posix()}
    for name, recipe in recipes.items():
        settings, stream, small = recipe.train, "stream" in name, name[:2] in ("a0", "a1", "t0")
        assert (settings.optimizer, settings.learning_rate, settings.epochs) == ("rmsprop", 1.8, 240)
        assert settings.batch_size * settings.accumulate == 1024
        assert round(settings.warmup * 85785) == pytest.approx(2145, abs=1)
        assert (settings.label_smoothing, settings.stochastic_depth, settings.average) == (0.1, 0.2, None)
        assert (settings.batch_norm_momentum, settings.rezero, settings.mixing) == (0.99, 0.0, None)
        assert settings.dropout == (0.2 if small else 0.5)
        augment = settings.augment
        assert augment is not None
        assert (augment.area, augment.aspect, augment.flip) == ((0.08, 1.0), (0.5, 2.0), True)
        jitters = name[:2] in ("a4", "a5") or not (stream or name.startswith("t0"))
        assert (augment.policy, augment.speed[0] < 1) == (("auto", True) if jitters else ("none", False)), name
        clip, train_clip = recipe.clips()
        side = {"a0": 192, "a1": 192, "a2": 256, "a3": 288, "a4": 320, "a5": 368, "t0": 176}[name[:2]]
        assert recipe.data.resolution == side
        assert recipe.evaluation.crop_share == pytest.approx(clip.resolution / side, abs=1e-3)
        rate = recipe.data.frames_per_second
        assert rate is not None
        assert rate * augment.speed[0] >= train_clip.frames_per_second * 0.99  # no frame twice, however slow


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=str)
def test_every_experiment_prints_its_settings_and_those_of_kinetics_train(path, tmp_path, capsys):
    assert main(["train", "--config", str(path), "--print-config"]) == 0
    printed = capsys.readouterr().out
    assert all("  # " in line for line in printed.splitlines())
    assert f"# {path}" in printed
    if path.name not in ("kinetics400.yaml", "a0-stream.yaml"):
        return
    shapes = synthesize(tmp_path / "shapes", MovingShapes(1, 1, resolution=16, frames_per_second=10, seconds=1))
    changes = [f"data.path={shapes}", f"data.folder={tmp_path / 'data'}", "data.resolution=20", "data.seconds=1"]
    changes += ["clip.resolution=16", "clip.frames=2", "train.epochs=1", "train.batch_size=6", "train.accumulate=2"]
    changes += ["run.ahead=0", "evaluation.worst=2"]
    command = ["train", "--config", str(path), "--mode", "train_and_eval", "--model_dir", str(tmp_path / "m")]
    assert main([*command, "--set", *changes]) == 0
    report = json.loads((tmp_path / "m" / "evaluation" / "evaluation.json").read_text())
    assert report["clips"] == 12
    assert len(report.get("streaming", [])) == (2 if "stream" in path.name else 0)
