"""float16, dynamic range and int8 files: how near they stay, and that an int8 stream does not drift."""

import dataclasses
import json
import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from movinet.data.sets.shape_drawing import LABELS as LABELS_OF_SHAPES
from movinet.data.sets.shape_drawing import draw
from movinet.export.errors import ExportError
from movinet.export.litert.convert import litert_file
from movinet.export.litert.file_graph import FileGraph, ignored_below
from movinet.export.litert.int8 import along
from movinet.export.litert.operators import operators
from movinet.export.proof import LIMITS
from movinet.export.run import export
from movinet.export.sample_clips import drawn_clips
from movinet.export.signature import stream_signature
from movinet.model import build_movinet
from movinet.models.runtime import litert_call
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, StemSpec
from tests.support.exports import CLIP, LABELS, SIZE, SPEC, built, frames, keras_logits


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return built()


def arrays(signature):
    """The signature's function on arrays."""
    function = signature.concrete()
    return lambda inputs: {name: value.numpy() for name, value in function(**inputs).items()}


def quantizations(content):
    """Scale and zero point of each tensor, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow announces that its interpreter moves to ai-edge-litert
        interpreter = tf.lite.Interpreter(model_content=content)
    return {tensor["name"]: tensor["quantization"] for tensor in interpreter.get_tensor_details()}


@pytest.fixture(scope="module")
def signed_model():
    """A model with kernels of both signs, so that activations have both."""
    model, rng = built(), np.random.default_rng(2)
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            weight.assign(rng.normal(0, 2 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape))
    return model


@pytest.fixture(scope="module")
def int8_file(model, tmp_path_factory):
    """An int8 stream; every test reads it, none writes."""
    file = tmp_path_factory.mktemp("int8") / "net.tflite"
    export(model, file, quantize="int8", clip=CLIP, labels=LABELS, at_frames=(1, 5, 50, 500))
    return file


def test_an_int8_stream_follows_keras_as_well_after_500_frames_as_after_50(int8_file):
    errors = [
        row["relative_error"] for row in json.loads(int8_file.with_name("net.report.json").read_text())["agreement"]
    ]
    assert errors[0] < 0.05
    assert errors[3] <= 1.5 * errors[2] < 0.1


def test_running_sums_of_an_int8_stream_stay_float(int8_file, model):
    signature, (call, _) = stream_signature(model, SIZE), litert_call(int8_file)
    given = {"image": frames(1)[None], **signature.first_states()}
    sums = []
    for _ in range(300):  # one picture all along: what is added becomes the same number each time
        returned = call(given)
        given = {"image": given["image"], **signature.next_states(given, returned)}
        sums.append(given["state_head_pool_buffer"].ravel())
    assert sums[0].dtype == np.float32
    np.testing.assert_allclose(sums[299] - sums[199], sums[199] - sums[99], rtol=0.02, atol=1e-3)
    assert np.abs(sums[299]).max() > 20 * np.abs(sums[4]).max()  # calibration saw five frames
    assert given["state_head_pool_frame_count"].tolist() == [300]


def test_int8_has_no_operator_that_its_delegate_lacks(int8_file):
    found = operators(int8_file.read_bytes())
    assert "HARD_SWISH" not in {operator.name for operator in found}
    assert {"DIV", "CONV_2D"} <= {operator.name for operator in found}


def test_float16_and_dynamic_range_stay_near(model, tmp_path):
    halves = export(model, tmp_path / "half.tflite", quantize="float16", clip=CLIP)
    assert 1e-6 < halves["agreement"][-1]["relative_error"] <= 1e-2
    wide = built(dataclasses.replace(SPEC, head=dataclasses.replace(SPEC.head, head_filters=512)))
    plain, dynamic = (litert_file(stream_signature(wide, SIZE), "net", kind) for kind in (None, "dynamic"))
    assert len(dynamic[0]) < len(plain[0])
    (tmp_path / "net.tflite").write_bytes(dynamic[0])
    call, signature = litert_call(tmp_path / "net.tflite")[0], stream_signature(wide, SIZE)
    logits = call({"image": frames(1)[None], **signature.first_states()})["logits"][0]
    np.testing.assert_allclose(logits, keras_logits(wide, frames(1))[-1], rtol=0.05, atol=0.05)


def test_calibration_goes_on_from_the_networks_own_states(model):
    signature = stream_signature(model, SIZE)
    clips = drawn_clips(CLIP, 2)
    calls = [given for given, _ in along(signature, arrays(signature), clips)]
    counts = [int(call["state_head_pool_frame_count"][0]) for call in calls]
    assert counts == [0, 1, 2, 3, 4] * 2
    np.testing.assert_array_equal(calls[7]["image"][0, 0], clips[1][2])
    assert not calls[5]["state_block0_layer0_stream_buffer"].any()
    assert calls[6]["state_block0_layer0_stream_buffer"].any()


def test_a_file_that_is_too_far_from_keras_is_not_written(model, tmp_path, monkeypatch):
    monkeypatch.setitem(LIMITS, "float16", 1e-9)
    with pytest.raises(ExportError, match=r"net.tflite: after 1 frames the logits are .* off those of Keras"):
        export(model, tmp_path / "net.tflite", quantize="float16", clip=CLIP)
    assert not list(tmp_path.iterdir())


def test_calibration_tells_of_late_positions_and_keeps_the_true_count():
    spec = dataclasses.replace(SPEC, use_positional_encoding=True)
    signature = stream_signature(built(spec), SIZE)
    clips = drawn_clips(dataclasses.replace(CLIP, frames=20), 1)
    calls = [given for given, _ in along(signature, arrays(signature), clips)]
    told = np.array([int(call["state_block0_layer0_pos_enc_frame_count"][0]) for call in calls])
    true = told == np.arange(20)
    assert 4 < true.sum() < 16
    assert told[~true].max() > 1_000
    assert calls[0]["state_block0_layer0_pos_enc_frame_count"].dtype == np.int32


def test_an_int8_tensor_has_the_range_of_its_own_values(int8_file):
    scales = {name: scale for name, (scale, _) in quantizations(int8_file.read_bytes()).items()}
    gates = [scales[name] for name in scales if name.endswith(("expansion_0/mul", "project_0/mul", "se_reduce_0/mul"))]
    assert len(gates) == 5
    assert max(gates) <= 1.01 / 255  # of a hard swish's gate, 0 to 1; not that of the product it is part of


def test_int8_spends_no_values_on_what_a_hard_swish_ignores(signed_model):
    signature = stream_signature(signed_model, SIZE, int8=True)
    graph = FileGraph(litert_file(signature, "net")[0])
    ignored = {graph.tensors[index].name.decode(): lowest for index, lowest in ignored_below(graph).items()}
    content, _ = litert_file(signature, "net", "int8", drawn_clips(CLIP, 4))
    least = [(-128 - zero) * scale for name, (scale, zero) in quantizations(content).items() if name in ignored]
    assert set(ignored.values()) == {-3.0}
    assert len(least) >= 10  # stem, head, and four in each layer, some of them reshaped
    assert -3.1 < min(least) < -2.9  # -4.1 would be met


def test_int8_moves_no_classs_mean_logit(signed_model, tmp_path):
    clips = drawn_clips(CLIP, 8)
    logits = {}
    for quantize in (None, "int8"):
        signature = stream_signature(signed_model, SIZE, int8=quantize == "int8")
        (tmp_path / "net.tflite").write_bytes(litert_file(signature, "net", quantize, clips)[0])
        calls = along(signature, litert_call(tmp_path / "net.tflite")[0], clips)
        logits[quantize] = np.concatenate([returned["logits"] for _, returned in calls])
    error = logits["int8"] - logits[None]
    assert np.abs(error.mean(0)).max() < 0.3 * error.std(0).mean()  # 0.1; 1.5 as rounding leaves it
    assert error.std() > 0.005 * logits[None].std()


@pytest.mark.slow
def test_an_int8_stream_names_as_many_clips_rightly_as_float_for_long(tmp_path):
    motions = LABELS_OF_SHAPES[:4]
    (clips, wanted), (others, labels) = motion_clips(motions, 120, seed=0), motion_clips(motions, 60, seed=1)
    keras.utils.set_random_seed(0)
    block = BlockSpec(12, (LayerSpec(24, (3, 3, 3)), LayerSpec(32, (5, 1, 1))))
    spec = dataclasses.replace(SPEC, stem=StemSpec(8), blocks=(block,), head=HeadSpec(24, 32))
    model: Any = build_movinet(spec, len(motions), batch_norm_momentum=0.9)  # Keras types verbose as text
    for layer in (model.get_layer(f"block0_layer{number}") for number in range(2)):
        layer.scale.assign(0.2)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.concatenate([clips, clips], 1), wanted, batch_size=16, epochs=16, verbose=0)
    classes = {}
    for quantize in (None, "int8"):
        signature = stream_signature(model, SIZE, int8=quantize == "int8")
        (tmp_path / "net.tflite").write_bytes(litert_file(signature, "net", quantize, clips[:16])[0])
        call = litert_call(tmp_path / "net.tflite")[0]
        classes[quantize] = np.array([classes_after(signature, call, clip, (50, 300)) for clip in others])
    right = {quantize: (found == labels[:, None]).mean(0) for quantize, found in classes.items()}
    assert right[None].min() > 0.9  # of four
    assert (right["int8"] >= right[None] - 0.01).all()


def motion_clips(labels, per_class, seed):
    """Clips (N, T, S, S, 3) of moving shapes, float32 in [0, 1], and their labels' places (N,)."""
    rng, wanted = np.random.default_rng(seed), np.arange(len(labels) * per_class) % len(labels)
    times = (np.arange(12) - 6) / 6
    return np.stack([draw(labels[place], times, SIZE, rng) for place in wanted]).astype(np.float32) / 255, wanted


def classes_after(signature, call, clip, counts):
    """The likeliest class after so many frames of a clip that is shown again and again."""
    states, found = signature.first_states(), []
    for number in range(1, max(counts) + 1):
        given = {"image": clip[(number - 1) % len(clip)].reshape(signature.image), **states}
        returned = call(given)
        states = signature.next_states(given, returned)
        if number in counts:
            found.append(int(returned["logits"].argmax()))
    return found
