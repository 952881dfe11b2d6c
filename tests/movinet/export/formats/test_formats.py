"""SavedModel, .keras and ONNX exports: the names and functions of the original's, logits like Keras'."""

import json
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from movinet.export.errors import ExportError
from movinet.export.run import export
from movinet.streaming import initial_states
from tests.support.exports import CLIP, LABELS, built, frames, keras_logits, logits_of_the_originals_example, written


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return built()


def test_a_streaming_saved_model_makes_its_states_for_any_size(model):
    loaded = tf.saved_model.load(str(written("saved_model")))
    video = np.random.default_rng(0).random((2, 4, 18, 22, 3), dtype=np.float32)
    states = loaded.signatures["init_states"](tf.shape(video))
    wanted = initial_states(model, 2, (18, 22))
    assert {name: tuple(state.shape) for name, state in states.items()} == {
        k: tuple(v.shape) for k, v in wanted.items()
    }
    for frame in tf.split(tf.constant(video), 4, axis=1):
        states = loaded.signatures["serving_default"](image=frame, **states)
        logits = states.pop("logits")
    np.testing.assert_allclose(logits, model(video), rtol=1e-4, atol=1e-5)


def test_a_saved_model_of_clips_replaces_the_one_before_and_its_report_has_its_whole_name(model, tmp_path):
    (tmp_path / "a0.5" / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "old"):
        (tmp_path / "a0.5" / name).write_text("of another network")
    export(model, tmp_path / "a0.5", "saved_model", clip=CLIP, stream=False)
    serve = tf.saved_model.load(str(tmp_path / "a0.5")).signatures["serving_default"]
    video = frames(3)[None]
    np.testing.assert_allclose(serve(image=tf.constant(video))["logits"], model(video), rtol=1e-4, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a0.5", "a0.5.report.json"]
    assert not (tmp_path / "a0.5" / "old").exists()


def test_a_fixed_saved_model_takes_the_whole_of_the_originals_example(model, tmp_path):
    export(model, tmp_path / "movinet_stream", "saved_model", clip=CLIP, fixed=True, at_frames=(2,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's converter uses what TensorFlow deprecates
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "movinet_stream"))
        (tmp_path / "movinet_stream.tflite").write_bytes(converter.convert())
    logits = logits_of_the_originals_example(str(tmp_path / "movinet_stream.tflite"), tf.constant(frames(8)[None]))
    np.testing.assert_allclose(logits, keras_logits(model, frames(8))[-1], rtol=1e-4, atol=1e-5)


def test_layers_of_others_are_exported_as_whole_clips_only(tmp_path):
    clip = keras.Input((None, None, None, 3))
    other = keras.Model(clip, keras.layers.Dense(3)(keras.ops.mean(clip, (1, 2, 3))))
    for name, format, settings in [("b", "saved_model", {"fixed": True}), ("c.tflite", "litert", {"quantize": "int8"})]:
        with pytest.raises(ExportError, match="allowed: whole clips in float32, as litert or saved_model or keras"):
            export(other, tmp_path / name, format, clip=CLIP, **settings)
    assert export(other, tmp_path / "d", "saved_model", clip=CLIP)["agreement"][0]["relative_error"] <= 1e-4


def test_a_keras_file_is_the_network_itself(model):
    loaded = keras.models.load_model(written("keras"))
    np.testing.assert_array_equal(loaded(frames(3)[None]), model(frames(3)[None]))


@pytest.mark.parametrize("rank4", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_onnx_stream_runs_from_its_manifest_alone(model, rank4, tmp_path):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    report = export(model, tmp_path / "net.onnx", "onnx", clip=CLIP, labels=LABELS, rank4=rank4)
    assert report["runtime"] == "onnxruntime"
    assert [row["relative_error"] <= 1e-4 for row in report["agreement"]] == [True, True]
    np.save(tmp_path / "video.npy", frames(7))
    done = subprocess.run(
        [sys.executable, "net_runner.py", "video.npy"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1] == LABELS[int(keras_logits(model, frames(7))[-1].argmax())]
    states = json.loads((tmp_path / "net.json").read_text())["states"]
    assert max(len(state["shape"]) for state in states) == (4 if rank4 else 5)
    assert ("input" in [next(iter(state["next"])) for state in states]) == rank4
