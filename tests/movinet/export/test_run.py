"""Exported LiteRT files: the original's names, its README's example, builtin operators only, and logits like Keras'."""

import json
import runpy
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from movinet.__main__ import main
from movinet.export.errors import ExportError
from movinet.export.run import export
from movinet.export.signature import stream_signature
from movinet.model import build_movinet
from movinet.models.runtime import litert_call
from movinet.spec import MovinetSpec, spec_to_yaml
from movinet.streaming import initial_states
from tests.support.exports import (
    CLIP,
    LABELS,
    SIZE,
    SPEC,
    built,
    frames,
    keras_logits,
    logits_of_the_originals_example,
    written,
)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return built()


@pytest.fixture
def stream_file():
    """A float32 stream; every test reads it, none writes."""
    return written("litert")


def test_the_originals_readme_example_runs_with_only_the_path_changed(model, stream_file):
    logits = logits_of_the_originals_example(str(stream_file), tf.constant(frames(8)[None]))
    np.testing.assert_allclose(logits, keras_logits(model, frames(8))[-1], rtol=1e-4, atol=1e-5)


def test_a_report_tells_how_far_the_file_is_from_keras(stream_file):
    report = json.loads(stream_file.with_name("net.report.json").read_text())
    assert [row["frames"] for row in report["agreement"]] == [1, 7, 40]
    assert all(0 < row["relative_error"] <= 1e-4 and row["same_class"] == 1 for row in report["agreement"])
    assert report["operators"]["CONV_2D"] > 5
    assert report["bytes"] == stream_file.stat().st_size


def test_a_clip_export_of_a_base_network_agrees(tmp_path):
    base = built(MovinetSpec(SPEC.stem, SPEC.blocks, SPEC.head, CLIP))
    report = export(base, tmp_path / "base.tflite", clip=CLIP)
    assert report["agreement"][0]["relative_error"] <= 1e-4
    assert set(report["operators"]) <= {
        *("CONV_2D", "DEPTHWISE_CONV_2D", "MUL", "ADD", "MEAN", "LOGISTIC", "PAD", "STRIDED_SLICE", "RESHAPE"),
        "AVERAGE_POOL_2D",
    }


@pytest.mark.parametrize(
    ("layer", "operator"),
    [(keras.layers.Conv3D(3, 3, padding="same"), "CONV_3D"), (keras.layers.AveragePooling3D(1), "FlexAvgPool3D")],
)
def test_three_dimensional_operators_are_refused_with_the_layers_name(layer, operator, tmp_path):
    clip = keras.Input((None, None, None, 3))
    layer = type(layer).from_config({**layer.get_config(), "name": "my_layer"})
    model = keras.Model(clip, keras.layers.Dense(3)(keras.ops.mean(layer(clip), (1, 2, 3))))
    old = tmp_path / "net.tflite"
    old.write_bytes(b"what was there")
    with pytest.raises(ExportError, match=rf"net.tflite: {operator} in \S*my_layer"):
        export(model, old, stream=False, clip=CLIP)
    assert old.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [old]


def test_a_manifest_tells_every_state_and_what_feeds_it(model, stream_file):
    manifest = json.loads(stream_file.with_suffix(".json").read_text())
    states = initial_states(model, 1, SIZE)
    assert {s["name"]: tuple(s["shape"]) for s in manifest["states"]} == {k: tuple(v.shape) for k, v in states.items()}
    assert {s["dtype"] for s in manifest["states"]} == {"float32", "int32"}
    assert all(state["next"] == {"output": state["name"]} for state in manifest["states"])
    assert manifest["labels"] == list(LABELS)
    assert manifest["image"]["frames_per_second"] == CLIP.frames_per_second


def test_a_rank4_stream_answers_as_the_published_signature_and_no_tensor_has_more_axes(model, stream_file, tmp_path):
    report = export(model, tmp_path / "net.tflite", clip=CLIP, rank4=True, at_frames=(1, 20))
    assert max(row["relative_error"] for row in report["agreement"]) <= 1e-4
    runners = [
        runpy.run_path(str(folder / "net_runner.py"))["Runner"](folder) for folder in (stream_file.parent, tmp_path)
    ]
    for frame in frames(12):
        published, flat = (runner.push(frame) for runner in runners)
        np.testing.assert_allclose(flat, published, rtol=1e-5, atol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(tmp_path / "net.tflite"))
    assert max(len(tensor["shape"]) for tensor in interpreter.get_tensor_details()) == 4
    states = {state["name"]: state["next"] for state in json.loads((tmp_path / "net.json").read_text())["states"]}
    buffer = "state_block0_layer0_stream_buffer"
    assert states[f"{buffer}_0"] == {"input": f"{buffer}_1"}
    assert states[f"{buffer}_1"] == {"output": f"{buffer}_1"}


def test_the_command_exports_a_model_folder(tmp_path, capsys):
    member = tmp_path / "mine"
    member.mkdir()
    (member / "spec.yaml").write_text(spec_to_yaml(SPEC))
    (member / "labels.json").write_text(json.dumps(LABELS))
    built().save(member / "model.keras")
    assert main(["export", str(member), "--out", str(tmp_path / "out"), "--size", "16", "--drift", "9"]) == 0
    assert "mine_stream.tflite: 0." in capsys.readouterr().out
    manifest = json.loads((tmp_path / "out" / "mine_stream.json").read_text())
    assert manifest["image"]["shape"] == [1, 1, 16, 16, 3]
    assert manifest["labels"] == list(LABELS)
    report = json.loads((tmp_path / "out" / "mine_stream.report.json").read_text())
    assert [row["frames"] for row in report["agreement"]] == [1, 9]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a0-stream", "--out", "o"], "a0-stream needs --weights CHECKPOINT"),
        (["nothing", "--out", "o"], "nothing: no such file or folder"),
        (["nothing", "--out", "o", "--size", "0"], "--size 0 is not allowed"),
    ],
)
def test_bad_input_ends_with_one_line_and_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith(f"error: {message}")
    assert len(captured.splitlines()) == 1


def test_what_does_not_go_together_is_refused(model, tmp_path):
    for settings in ({"format": "tflite"}, {"quantize": "int4"}, {"format": "keras", "quantize": "int8"}):
        with pytest.raises(ExportError, match="is not allowed; allowed: "):
            export(model, tmp_path / "net.tflite", **settings)
    with pytest.raises(ExportError, match=r"net.bin: a litert file must end in .tflite"):
        export(model, tmp_path / "net.bin")


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_network_trained_in_mixed_precision_is_exported_in_float32(precision, model, tmp_path):
    mixed = build_movinet(SPEC, len(LABELS), dtype=precision)
    mixed.set_weights(model.get_weights())
    mixed.get_layer("stem").trainable = False
    report = export(mixed, tmp_path / "net.tflite", clip=CLIP, labels=LABELS)
    assert max(row["relative_error"] for row in report["agreement"]) <= 1e-4
    video = frames(7)
    call, signature = litert_call(tmp_path / "net.tflite")[0], stream_signature(model, SIZE)
    states = signature.first_states()
    for frame in video:
        given = {"image": frame[None, None], **states}
        states = signature.next_states(given, returned := call(given))
    np.testing.assert_allclose(returned["logits"][0], keras_logits(model, video)[-1], rtol=1e-4, atol=1e-5)
