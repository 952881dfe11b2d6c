"""What `export` is asked: labels, clips and places that cannot be meant are refused at once, and nothing is lost."""

import hashlib
import json
import runpy
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import pytest

from movinet.export.errors import ExportError
from movinet.export.proof import agreements
from movinet.export.run import export
from movinet.export.signature import clip_signature
from movinet.models.litert import read_manifest
from tests.support.exports import CLIP, LABELS, SIZE, SPEC, built, frames


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return built()


def test_labels_are_as_many_as_classes_whatever_holds_them(model, tmp_path):
    names: Any = np.array(LABELS)
    export(model, tmp_path / "net.tflite", clip=CLIP, labels=names, at_frames=(2,))
    assert json.loads((tmp_path / "net.json").read_text())["labels"] == list(LABELS)
    with pytest.raises(ExportError, match="2 labels are not allowed; allowed: 3, one for each class"):
        export(model, tmp_path / "net.tflite", clip=CLIP, labels=LABELS[:2])


@pytest.mark.parametrize(
    ("clips", "told"),
    [
        ([], "no clips are not allowed"),
        ([frames(4)[:, :8, :8]], r"clips of shape \(4, 8, 8, 3\) and float32"),
        ([frames(4)[None]], r"clips of shape \(1, 4, 20, 20, 3\)"),
        ([frames(0)], r"clips of shape \(0, 20, 20, 3\)"),
        ([frames(4), (frames(4) * 255).astype(np.uint8)], ".* and uint8 from 0 to 25"),
        ([frames(4) * 255], ".* and float32 from 0"),
        ([np.full((4, SIZE, SIZE, 3), 1.001, np.float32)], ".* from 1.001 to 1.001"),
        ([np.full((4, SIZE, SIZE, 3), np.nan, np.float32)], ".* from nan to nan"),
    ],
)
@pytest.mark.parametrize("use", ["clips", "calibration"])
def test_clips_that_no_network_takes_are_refused(clips, told, use, model, tmp_path):
    with pytest.raises(ExportError, match=rf"{use}: {told}.*allowed: .*\(T, 20, 20, 3\).*in \[0, 1\]"):
        export(model, tmp_path / "net.tflite", clip=CLIP, **{use: clips})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stops", [(), (0, 5), (1, -3)])
def test_frames_to_compare_at_are_one_or_more(stops, model, tmp_path):
    with pytest.raises(ExportError, match="at_frames .* is not allowed; allowed: 1 or more"):
        export(model, tmp_path / "net.tflite", clip=CLIP, at_frames=stops)


def test_a_folder_that_is_no_saved_model_is_kept(model, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "net.tflite").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match="mine: what lies there is no saved_model; allowed: "):
        export(model, tmp_path / "mine", "saved_model", clip=CLIP)
    with pytest.raises(ExportError, match="file: what lies there is no saved_model; allowed: "):
        export(model, tmp_path / "file", "saved_model", clip=CLIP)
    with pytest.raises(ExportError, match="net.tflite is a folder; allowed: the name of a file"):
        export(model, tmp_path / "net.tflite", clip=CLIP)
    monkeypatch.chdir(tmp_path / "net.tflite")
    for place in ("", ".", ".."):
        with pytest.raises(ExportError, match="allowed: "):
            export(model, place, "saved_model", clip=CLIP)
    kept = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert kept == {"mine", "mine/thesis.txt", "net.tflite", "file"}


@pytest.mark.parametrize("first", ["litert", "onnx"])
def test_files_of_one_name_and_several_formats_keep_their_manifests_reports_and_runners(first, model, tmp_path):
    if first == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    paths = {"litert": "net.tflite", "onnx": "net.onnx", "keras": "net.keras", "saved_model": "net"}
    others = ["onnx", "keras", "saved_model"] if first == "litert" and find_spec("tf2onnx") else ["keras", "litert"]
    for format in (first, *(other for other in others if other != first)):
        export(model, tmp_path / paths[format], format, clip=CLIP, at_frames=(1,))
    reports = {json.loads(file.read_text())["file"]: file.name for file in tmp_path.glob("*.report.json")}
    assert reports.pop(paths[first]) == "net.report.json"
    assert reports == {path: f"net.{format}.report.json" for format, path in paths.items() if path in reports}
    assert len(reports) >= 1
    for manifest in set(tmp_path.glob("net*.json")) - set(tmp_path.glob("*.report.json")):
        told = json.loads(manifest.read_text())
        assert hashlib.sha256((tmp_path / told["file"]).read_bytes()).hexdigest() == told["sha256"]
        runner = runpy.run_path(str(tmp_path / f"{manifest.stem}_runner.py"))["Runner"](tmp_path)
        assert runner.manifest["file"] == told["file"]
        assert np.isfinite(runner.push(frames(1)[0])).all()
    if (tmp_path / "net.tflite").exists():
        assert read_manifest(tmp_path / "net.tflite")["file"] == "net.tflite"


def test_an_earlier_export_to_the_same_path_makes_way(model, tmp_path):
    for quantize in (None, "float16"):
        export(model, tmp_path / "net.tflite", clip=CLIP, at_frames=(1,), quantize=quantize)
    assert json.loads((tmp_path / "net.json").read_text())["quantize"] == "float16"
    (tmp_path / "net.tflite").rename(tmp_path / "other.tflite")
    export(model, tmp_path / "net.keras", "keras", clip=CLIP)
    assert json.loads((tmp_path / "net.report.json").read_text())["format"] == "keras"


def test_a_network_of_whole_clips_is_compared_on_as_many_clips_as_there_are_frames_asked(model):
    clips, signature = [frames(5, seed) for seed in range(4)], clip_signature(model, CLIP)
    for asked, seen in (((1,), 5), ((1, 10), 10), ((1, 11), 15), ((1, 50), 20)):
        rows = agreements(
            model, signature, lambda given: {"logits": signature.call(given)["logits"].numpy()}, clips, asked
        )
        assert [row["frames"] for row in rows] == sorted({5, seen})


def test_a_quantised_file_that_answers_no_numbers_is_refused_too(tmp_path):
    broken = built()
    broken.weights[-1].assign(np.full(len(LABELS), np.nan))
    with pytest.raises(ExportError, match="the logits are nan off those of Keras"):
        export(broken, tmp_path / "net.tflite", quantize="dynamic", clip=CLIP)
    assert not list(tmp_path.iterdir())


def test_errors_are_told_by_the_greatest_logit_of_all_clips(model):
    clips = [frames(5, seed) for seed in range(3)]
    logits = [np.asarray(model(clip[None])) for clip in clips]
    answers = iter([logits[0], logits[1] + 0.25, logits[2] - 0.125])
    (row,) = agreements(model, clip_signature(model, CLIP), lambda inputs: {"logits": next(answers)}, clips, (50,))
    assert row["relative_error"] == pytest.approx(0.25 / np.abs(logits).max(), rel=1e-4)


def test_a_network_that_is_not_causal_is_no_stream(tmp_path):
    with pytest.raises(ExportError, match="net.tflite: frame by frame is not allowed, the network is not causal"):
        export(built(replace(SPEC, causal=False)), tmp_path / "net.tflite", clip=CLIP, stream=True)
