"""Misspelt and out-of-range configs: exit code 2 and one line that names file, key, value and what is allowed."""

import subprocess
import sys

import pytest

from run_search import main
from tests.support.paths import ROOT

CONFIG = """
space:
  clip: {seconds: 2, frames_per_second: [4, 8], resolution: [24, 32]}
  stem: {filters: 8}
  block2:
    stride: 2
    base_filters: [8, 16]
    layers: [1, 2]
    each_layer: {kernel: [[1, 3, 3], [3, 3, 3]], expand_ratio: [2, 3], squeeze_excite: [true, false]}
  head: {project_filters: 32, head_filters: 64}
budget: {mflops: 4}
data: {val_share: 0.25}
train: {epochs: 2, batch_size: 16, learning_rate: 0.004}
search: {strategy: evolution, trials: 4, early_stopping: {kind: asha, grace_epochs: 1}}
resources: {workers: 2}
scaling: {base_member: A2, ratio: 2.0, coefficients: {depth: 1.2}}
"""
# (what stands there, what is put in its place, what the line must name)
VARIANTS = [
    ("search: {strategy", "serch: {strategy", ["serch", "search"]),
    ("strategy: evolution", "stratgy: evolution", ["search.stratgy", "strategy"]),
    ("strategy: evolution", "strategy: genetic", ["search.strategy=genetic", "random, evolution"]),
    ("trials: 4", "trials: 0", ["search.trials=0", "an integer >= 1"]),
    ("trials: 4", "trials: 4.5", ["search.trials=4.5", "an integer"]),
    ("trials: 4", "trials: many", ["search.trials=many", "an integer"]),
    ("trials: 4", "trials: true", ["search.trials=true", "an integer"]),
    ("trials: 4", "hours: -1", ["search.hours=-1.0", "a number > 0, or null"]),
    ("kind: asha", "kind: hyperband", ["search.early_stopping.kind=hyperband", "asha, none"]),
    ("grace_epochs: 1", "grace_epochs: 0", ["search.early_stopping.grace_epochs=0", "an integer >= 1"]),
    ("{kind: asha, grace_epochs: 1}", "3", ["search.early_stopping=3", "a mapping"]),
    ("trials: 4", "trials: 4, objective: reward", ["search.target_mflops=null", "a number > 0"]),
    ("trials: 4", "trials: 4, beta: 0.1", ["search.beta=0.1", "a number < 0"]),
    ("epochs: 2", "epochs: -1", ["train.epochs=-1", "an integer >= 1"]),
    ("epochs: 2", "epoch: 2", ["train.epoch", "epochs"]),
    ("learning_rate: 0.004", "learning_rate: 0", ["train.learning_rate=0", "a number > 0"]),
    ("learning_rate: 0.004", "learning_rate: fast", ["train.learning_rate=fast", "a number"]),
    ("learning_rate: 0.004", "optimizer: adam2", ["train.optimizer=adam2", "adamw, sgd, rmsprop"]),
    ("learning_rate: 0.004", "dropout: 1.5", ["train.dropout=1.5", ">= 0 and < 1"]),
    ("learning_rate: 0.004", "augment: {area: [0.5, 2.0]}", ["train.augment.area", "0 < least <= most <= 1"]),
    ("learning_rate: 0.004", "augment: {flp: true}", ["train.augment.flp", "flip"]),
    ("val_share: 0.25", "val_share: 1.0", ["data.val_share=1", "> 0 and < 1"]),
    ("val_share: 0.25", "pth: clips", ["data.pth", "path"]),
    ("workers: 2", "workers: 0", ["resources.workers=0", "auto"]),
    ("workers: 2", "workers: all", ["resources.workers=all", "auto"]),
    ("base_member: A2", "base_member: A9", ["scaling.base_member=A9", "A0, A1"]),
    ("ratio: 2.0", "ratio: 1.1", ["scaling.ratio=1.1", "overlap"]),
    ("{depth: 1.2}", "{depth: 0.5}", ["scaling.coefficients.depth=0.5", "1 to 4"]),
    ("budget: {mflops: 4}", "budget: {mflop: 4}", ["budget.mflop", "mflops"]),
    ("budget: {mflops: 4}", "budget: {mflops: -4}", ["budget.mflops=-4", "> 0"]),
    ("kernel: [[1, 3, 3], [3, 3, 3]]", "kernel: [[2, 3, 3]]", ["space.block2.each_layer.kernel", "[2, 3, 3]", "odd"]),
    ("layers: [1, 2]", "layers: [0, 2]", ["space.block2.layers", "0", "an integer, 1 to"]),
    ("stride: 2", "stride: 3", ["space.block2.stride=3", "1, 2"]),
    ("stride: 2", "strid: 2", ["space.block2.strid", "stride"]),
    ("stem: {filters: 8}", "stem: {filters: []}", ["space.stem.filters"]),
    ("stem: {filters: 8}", "stm: {filters: 8}", ["space.stm", "stem"]),
    ("resolution: [24, 32]", "resolution: [24, 24]", ["space.clip.resolution", "24"]),
    ("clip: {", "clip: {{", ["not YAML"]),
    ("budget: {mflops: 4}", "budget: {mflops: 4}\nbudget: {mflops: 5}", ["budget", "twice"]),
    (CONFIG, "just text", ["a mapping"]),
    (CONFIG, "", ["a mapping"]),
]


def one_line(arguments, capsys) -> str:
    """The only line that `run_search.py` prints before it ends with exit code 2."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


@pytest.mark.parametrize(("old", "new", "named"), VARIANTS, ids=[repr(new)[:40] for _, new, _ in VARIANTS])
def test_a_wrong_config_is_one_line(old, new, named, tmp_path, capsys):
    config = tmp_path / "wrong.yaml"
    assert CONFIG.count(old) == 1
    config.write_text(CONFIG.replace(old, new))
    line = one_line(["--config", str(config), "--runs-folder", str(tmp_path / "runs")], capsys)
    for text in [str(config), *named]:
        assert text in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("search.trials", ["--set search.trials", "key=value"]),
        ("serch.trials=4", ["serch", "search"]),
        ("search.trails=4", ["search.trails", "trials"]),
        ("search.trials=0", ["search.trials=0", "an integer >= 1"]),
        ("search.trials=[", ["--set search.trials=[", "YAML"]),
        ("train.epochs.first=1", ["--set train.epochs.first=1", "train.epochs"]),
    ],
)
def test_a_wrong_override_is_one_line(override, named, tmp_path, capsys):
    config = tmp_path / "right.yaml"
    config.write_text(CONFIG)
    line = one_line(["--config", str(config), "--set", override, "--runs-folder", str(tmp_path / "runs")], capsys)
    for text in named:
        assert text in line


def test_a_missing_config_is_one_line(tmp_path, capsys):
    missing = tmp_path / "missing.yaml"
    assert f"{missing}: cannot be read (No such file or directory)" in one_line(["--config", str(missing)], capsys)


@pytest.mark.parametrize("name", ["a/b", "..", "", "-x"])
def test_a_run_name_stays_within_the_runs_folder(name, tmp_path, capsys):
    (tmp_path / "right.yaml").write_text(CONFIG)
    line = one_line(["--config", str(tmp_path / "right.yaml"), f"--name={name}"], capsys)
    assert f"--name {name}" in line


@pytest.mark.parametrize("verb", ["resume", "plot", "scale"])
def test_an_unknown_run_is_one_line_that_names_the_known_ones(verb, tmp_path, capsys):
    for known in ("first", "second"):
        (tmp_path / known).mkdir()
        (tmp_path / known / "config.yaml").write_text(CONFIG)
    line = one_line([verb, "third", "--runs-folder", str(tmp_path)], capsys)
    assert f"{tmp_path / 'third'}: no such run; allowed: first, second" in line


def test_a_data_folder_that_is_not_there_is_one_line(tmp_path, capsys):
    (tmp_path / "right.yaml").write_text(CONFIG)
    arguments = ["--config", str(tmp_path / "right.yaml"), "--set", f"data.path={tmp_path / 'nowhere'}"]
    assert main([*arguments, "--runs-folder", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'nowhere'}: no such file or folder\n"


@pytest.mark.parametrize("arguments", [["--config", "wrong.yaml"], ["show", "wrong.yaml"]])
def test_a_process_ends_with_2_and_no_traceback(arguments, tmp_path):
    (tmp_path / "wrong.yaml").write_text(CONFIG.replace("stride: 2", "stride: 3"))
    command = [sys.executable, str(ROOT / "run_search.py"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "wrong.yaml" in done.stderr


def test_an_unknown_option_is_one_line(capsys):
    assert "--confg" in one_line(["--confg", "x.yaml"], capsys)


def test_an_unknown_verb_is_explained_by_the_known_ones(capsys):
    assert "invalid choice: 'serach' (choose from " in one_line(["serach"], capsys)


def test_show_wants_samples(capsys):
    assert "--samples 0 is not allowed" in one_line(["show", "configs/spaces/movinet.yaml", "--samples", "0"], capsys)
