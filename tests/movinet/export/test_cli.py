"""`python -m movinet export`: families, names of files, models that are no export's, and a quiet stderr."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from movinet.__main__ import main
from movinet.model import build_movinet
from tests.support.clip_files import write_video
from tests.support.paths import ROOT
from tests.support.predict_members import CAUSAL, LABELS, SPEC, write_member


@pytest.fixture(scope="module")
def family(tmp_path_factory) -> Path:
    """Two members, and between them one without weights."""
    folder = tmp_path_factory.mktemp("runs") / "family"
    write_member(folder / "A0", SPEC)
    write_member(folder / "A1", SPEC)
    (folder / "A1" / "model.keras").unlink()
    write_member(folder / "A2", CAUSAL)
    return folder


def test_a_family_is_exported_without_the_member_that_fails(family, tmp_path, capsys):
    assert main(["export", str(family), "--out", str(tmp_path), "--drift", "5"]) == 1
    printed = capsys.readouterr()
    first, last = printed.err.splitlines()
    assert first.startswith(f"error: {family / 'A1'}: no model here (model.keras missing)")
    assert last == f"1 of 3 models were not exported: {family / 'A1'}"
    assert {path.name for path in tmp_path.glob("*.tflite")} == {"A0_clip.tflite", "A2_stream.tflite"}
    assert f"{family / 'A2'}: 3 of 3" in printed.out.splitlines()
    for stage in ("loading", "converting to litert", "comparing in", "written to"):
        assert len([line for line in printed.out.splitlines() if f" s  {stage} " in line]) >= 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--rank4", "--no-stream"], "rank4 is not allowed here; allowed: for streams as litert or onnx"),
        (["--calibration", "nothing"], "nothing: no readable video here or below"),
    ],
)
def test_what_no_member_can_be_asked_is_refused_once(family, tmp_path, capsys, options, told):
    assert main(["export", str(family), "--out", str(tmp_path), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {told}")


@pytest.mark.slow
@pytest.mark.parametrize("format", ["litert", "saved_model"])
def test_nothing_of_the_converters_is_printed(family, format, tmp_path):
    command = [sys.executable, "-m", "movinet", "export", str(family / "A2"), "--out", "out", "--format", format]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 7  # loading, converting, comparing, written; the report of three lines


def test_another_backend_is_told_which_exports(family, tmp_path):
    pytest.importorskip("jax")
    command = [sys.executable, "-m", "movinet", "export", str(family / "A2"), "--out", str(tmp_path)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    line = "error: KERAS_BACKEND=jax is not allowed; allowed: tensorflow, on the same networks\n"
    assert (done.returncode, done.stderr) == (2, line)


def test_formats_and_quantisations_lie_side_by_side(family, tmp_path, capsys):
    for settings in ([], ["--format", "keras"], ["--quantize", "float16"]):
        assert main(["export", str(family / "A2"), "--out", str(tmp_path), "--drift", "2", *settings]) == 0
    capsys.readouterr()
    names = ["A2_stream", "A2_stream_float16"]
    for name in names:
        assert json.loads((tmp_path / f"{name}.json").read_text())["file"] == f"{name}.tflite"
    reports = {path.name.removesuffix(".report.json") for path in tmp_path.glob("*.report.json")}
    assert reports == {*names, "A2_stream_keras"}


def test_a_model_folder_takes_its_files_and_nothing_else_does(tmp_path, capsys):
    member = write_member(tmp_path / "A2", CAUSAL)
    assert main(["export", str(member), "--drift", "2"]) == 0
    assert json.loads((member / "stream.json").read_text())["file"] == "stream.tflite"
    for source in ("a0-stream", str(member / "model.keras")):
        assert main(["export", source]) == 2
        assert f"{source}: --out is missing; only a model folder's files" in capsys.readouterr().err


def test_labels_and_what_they_mean_come_from_the_model_or_the_command(family, tmp_path, capsys):
    member = write_member(tmp_path / "many", SPEC)
    (member / "config.yaml").write_text("train: {multi_label: true}\n")
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    assert main(["export", str(member), "--out", str(tmp_path)]) == 0
    assert (manifest := read(tmp_path / "many_clip.json"))["labels"] == list(LABELS)
    assert (manifest["multi_label"], manifest["output"]["of"]) == (True, "the clip")
    arguments = [str(family / "A2"), "--out", str(tmp_path), "--labels", str(tmp_path / "names.txt")]
    assert main(["export", *arguments, "--drift", "1", "--multi-label", "--fps", "12.5"]) == 0
    assert (manifest := read(tmp_path / "A2_stream.json"))["labels"] == ["a", "b", "c"]
    assert (manifest["multi_label"], manifest["output"]["of"]) == (True, "all frames so far")
    assert manifest["image"]["frames_per_second"] == 12.5
    assert main(["export", *arguments, "--fps", "0"]) == 2
    capsys.readouterr()


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_a_keras_file_with_a_three_dimensional_layer_is_refused_by_its_name(tmp_path, capsys):
    clip = keras.Input((None, None, None, 3))
    edges = keras.layers.Conv3D(3, 3, padding="same", name="my_edges")(clip)
    keras.Model(clip, build_movinet(SPEC, 3)(edges)).save(tmp_path / "mine.keras")
    asked = ["export", str(tmp_path / "mine.keras"), "--out", str(tmp_path / "out"), "--no-stream"]
    assert main([*asked, "--size", "24", "--frames", "4"]) == 2
    assert "mine_clip.tflite: CONV_3D in " in (told := capsys.readouterr().err)
    assert "my_edges" in told
    assert not list((tmp_path / "out").iterdir())


def test_an_exported_file_is_not_exported_again(family, tmp_path, capsys):
    assert main(["export", str(family / "A0"), "--out", str(tmp_path)]) == 0
    assert main(["export", str(tmp_path / "A0_clip.tflite"), "--out", str(tmp_path)]) == 2
    assert "A0_clip.tflite is an exported file; allowed: a model folder" in capsys.readouterr().err


def test_a_long_comparison_tells_how_long_it_will_take(family, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("movinet.machine.progress.EVERY", 0.0)
    assert main(["export", str(family / "A2"), "--out", str(tmp_path), "--drift", "1200"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "frames compared" in line]
    assert lines[-1].endswith("  1,200 of 1,200 frames compared, 0 s left")
    assert len(lines) > 100


def test_a_long_calibration_tells_how_long_it_will_take(family, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("movinet.machine.progress.EVERY", 0.0)
    assert main(["export", str(family / "A2"), "--out", str(tmp_path), "--quantize", "int8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for what in ("calls for the ranges of int8", "calls for the mean of int8's logits"):
        (last,) = [line for line in lines if what in line and "0 s left" in line][-1:]
        done, total = last.split(what)[0].split(" of ")
        assert done.split()[-1] == total.strip()


@pytest.mark.parametrize("format", ["litert", "saved_model", "keras"])
def test_a_file_that_cannot_be_written_is_told_in_one_line(family, format, tmp_path, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert main(["export", str(family / "A2"), "--out", str(tmp_path), "--format", format]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("failed: ")
    assert "ile too large" in line
    assert not list(tmp_path.iterdir())


def test_fewer_readable_clips_than_asked_are_told_and_the_same_seed_writes_the_same_file(family, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for number in range(6):
        write_video(tmp_path / "videos" / f"{number}.mp4", rng.integers(0, 256, (4, 32, 40, 3), np.uint8), 3.0)
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    asked = ["export", str(family / "A2"), "--quantize", "int8", "--calibration", str(tmp_path / "videos")]
    told = []
    for number, more in enumerate((["3"], ["3"], ["3", "--seed", "1"], ["9"])):
        out = ["--drift", "2", "--out", str(tmp_path / str(number)), "--calibration-clips", *more]
        assert main([*asked, *out]) == 0
        told.append(capsys.readouterr().out)
    first, again, other, _ = ((tmp_path / str(n) / "A2_stream_int8.tflite").read_bytes() for n in range(4))
    assert first == again != other
    assert ["note: " in text for text in told] == [False, False, False, True]
    assert f"{tmp_path / 'videos'}: 6 of the 9 clips asked for; 1 of 7 videos cannot be read" in told[-1]


def test_a_seed_below_0_is_refused(family, tmp_path, capsys):
    assert main(["export", str(family / "A0"), "--out", str(tmp_path), "--seed", "-1"]) == 2
    assert capsys.readouterr().err == "error: --seed -1 is not allowed; allowed: 0 or more\n"


def test_a_name_that_tells_how_the_file_is_called_does_not_tell_it_twice(tmp_path, capsys):
    write_member(tmp_path / "mine-stream", CAUSAL)
    for how in ("--stream", "--no-stream"):
        assert main(["export", str(tmp_path / "mine-stream"), "--out", str(tmp_path), "--drift", "1", how]) == 0
    capsys.readouterr()
    assert sorted(p.name for p in tmp_path.glob("*.tflite")) == ["mine-stream.tflite", "mine-stream_clip.tflite"]
