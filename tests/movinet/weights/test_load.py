"""Published checkpoints: loaded with the published logits, or refused with the likely cause."""

import dataclasses
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from movinet.model import build_movinet
from movinet.presets import preset
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.weights.load import load_checkpoint
from movinet.weights.model_garden_names import official_names
from movinet.weights.save import save_checkpoint
from movinet.weights.tensors import CheckpointError
from tests.movinet.test_parity import every_frame
from tests.support.official_checkpoints import FIXTURES, write_checkpoint
from tests.support.official_values import official_clip, official_value


def t0(classes: int = 5, **arguments) -> keras.Model:
    base = {"causal": False, "conv_type": "3d", "se_type": "3d", "use_positional_encoding": False}
    activations = {"activation": "swish", "gating_activation": "sigmoid"}
    return build_movinet(dataclasses.replace(preset("t0-base"), **{**base, **activations, **arguments}), classes)


@pytest.fixture(scope="module")
def t0_base(tmp_path_factory):
    """A folder with T0-Base's checkpoint, 5 classes."""
    folder = tmp_path_factory.mktemp("t0_base")
    write_checkpoint("t0_base", folder / "ckpt-1")
    return folder


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("t0_base", {}),
        ("t0_stream", {}),
        ("t0_causal_position", {}),
        pytest.param("t0_base_3d_2plus1d", {"conv_type": "2plus1d"}, id="3d_2plus1d into 2plus1d"),
    ],
)
def test_a_checkpoint_brings_the_published_logits(tmp_path, name, changes):
    write_checkpoint(name, tmp_path / "ckpt-1", beside={"global_step": np.int64(9)})
    fixture = np.load(FIXTURES / f"{name}.npz")
    model = t0(**{**json.loads(str(fixture["about"]))["arguments"], **changes})
    report = load_checkpoint(model, tmp_path)
    assert report.matched == tuple(weight.path for weight in model.weights)
    assert report.left_over == ("global_step/.ATTRIBUTES/VARIABLE_VALUE",)
    size = next(iter(set(fixture.files) - {"about"}))
    clip, expected = official_clip(*map(int, size.split("x"))), fixture[size]
    ours = every_frame(model, clip) if len(expected) > 1 else np.asarray(model(clip))
    assert np.abs(ours - expected).max() <= 1e-4 * np.abs(expected).max()


def test_another_number_of_classes_keeps_its_own_classifier(t0_base):
    model = t0(classes=7)
    before = {weight.path: weight.numpy() for weight in model.weights}
    report = load_checkpoint(model, t0_base / "ckpt-1", head="new")
    assert len(report.matched) == len(model.weights) - 2
    assert report.left_over == tuple(
        f"model/layer_with_weights-1/_classifier/_conv/{leaf}/.ATTRIBUTES/VARIABLE_VALUE" for leaf in ("bias", "kernel")
    )
    for name, weight in official_names(model).items():
        if name.startswith("classifier_head/classifier/"):
            np.testing.assert_array_equal(weight.numpy(), before[weight.path])
        else:
            np.testing.assert_array_equal(weight.numpy(), official_value(name, tuple(weight.shape)))


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"classes": 7}, "num_classes, 5 in the checkpoint and 7 in the model (head='new' "),
        ({"conv_type": "3d_2plus1d"}, "another conv_type, 3d in the checkpoint and 2plus1d or 3d_2plus1d in the model"),
        ({"se_type": "none"}, "another se_type, 3d or 2d in the checkpoint and none in the model"),
        ({"se_type": "2plus3d"}, "another se_type, 3d or 2d in the checkpoint and 2plus3d in the model"),
        (
            {"causal": True, "use_positional_encoding": True},
            "use_positional_encoding, which the checkpoint lacks and the model has",
        ),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_with_the_likely_cause(t0_base, arguments, cause):
    model = t0(**arguments)
    before = model.weights[0].numpy()
    with pytest.raises(CheckpointError) as refused:
        load_checkpoint(model, t0_base)
    assert cause in str(refused.value)
    assert str(refused.value).startswith(f"{t0_base}: ")
    assert len(str(refused.value).splitlines()) == 1
    np.testing.assert_array_equal(model.weights[0].numpy(), before)


def test_another_size_is_named_with_its_layers_and_widths(t0_base):
    model = build_movinet(preset("a0-base"), num_classes=5)
    sizes = "14 layers of widths 8 to 240 in the checkpoint and 15 layers of widths 8 to 480 in the model"
    with pytest.raises(CheckpointError, match=f"another model size, {sizes}$"):
        load_checkpoint(model, t0_base)


def test_what_is_no_movinet_checkpoint_is_said(tmp_path, t0_base):
    model = t0()
    tf.train.Checkpoint(step=tf.Variable(1)).write(str(tmp_path / "step"))
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "names"), tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)]
    )
    (tmp_path / "empty").mkdir()
    cases = {"step": "no MoViNet", "names": "no object graph", "empty": "no checkpoint", "lost": "cannot be read"}
    for name, words in cases.items():
        with pytest.raises(CheckpointError, match=words):
            load_checkpoint(model, tmp_path / name)
    write_checkpoint("t0_base", tmp_path / "broken")
    data = tmp_path / "broken.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100_000])
    before = [weight.numpy() for weight in model.weights]
    with pytest.raises(CheckpointError, match="broken cannot be read"):
        load_checkpoint(model, tmp_path / "broken")
    assert all(np.array_equal(weight.numpy(), value) for weight, value in zip(model.weights, before, strict=True))
    with pytest.raises(ValueError, match="head='swap' is not allowed; allowed: 'keep', 'new'"):
        load_checkpoint(model, t0_base, head="swap")


@pytest.mark.parametrize("name", ["t0_stream", "t0_causal_position"])
def test_a_written_checkpoint_keeps_each_weight_where_the_published_ones_do(tmp_path, name):
    write_checkpoint(name, tmp_path / "published")
    model = t0(**json.loads(str(np.load(FIXTURES / f"{name}.npz")["about"]))["arguments"])
    load_checkpoint(model, tmp_path / "published")
    save_checkpoint(model, tmp_path / "ours/ckpt-1")
    published, ours = (tf.train.load_checkpoint(str(tmp_path / path)) for path in ("published", "ours/ckpt-1"))
    for key in published.get_variable_to_shape_map().keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        np.testing.assert_array_equal(ours.get_tensor(key), published.get_tensor(key))
    assert load_checkpoint(model, tmp_path / "ours").matched == tuple(weight.path for weight in model.weights)


def test_a_trained_model_s_keras_file_gives_its_weights_and_not_its_optimiser(tmp_path):
    layer = LayerSpec(8, (3, 3, 3))
    spec = MovinetSpec(StemSpec(4), (BlockSpec(8, (layer, layer)),), HeadSpec(8, 8), conv_type="2plus1d")
    model = build_movinet(spec, 3, dropout=0.2, stochastic_depth=0.2)
    model.compile("adam")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "trained.keras")
    fresh = build_movinet(spec, 7)
    own = [weight.numpy() for weight in fresh.weights[-2:]]
    report = load_checkpoint(fresh, tmp_path / "trained.keras", head="new")
    assert report.matched == tuple(weight.path for weight in fresh.weights[:-2])
    assert "layers/classifier_head/classifier/vars/0" in report.left_over
    unused = [key for key in report.left_over if "classifier_head/classifier" not in key]
    assert len(unused) > 2 * len(model.trainable_variables)  # Adam's two moments of each, its step and rate
    assert {key.split("/")[0] for key in unused} == {"optimizer"}
    for ours, theirs in zip(fresh.weights[:-2], model.weights[:-2], strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    for weight, value in zip(fresh.weights[-2:], own, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    with pytest.raises(CheckpointError, match="num_classes, 3 in the checkpoint and 7 in the model"):
        load_checkpoint(fresh, tmp_path / "trained.keras")


def test_what_is_no_keras_file_of_a_movinet_is_said(tmp_path):
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    other.save(tmp_path / "other.keras")
    other.save_weights(tmp_path / "other.weights.h5")
    (tmp_path / "text.keras").write_text("weights")
    (tmp_path / "text.weights.h5").write_text("weights")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    model = t0()
    for name in ("other.keras", "other.weights.h5", "text.keras", "text.weights.h5", "empty.keras", "lost.keras"):
        words = "holds no MoViNet" if name.startswith("other") else "cannot be read: "
        with pytest.raises(CheckpointError, match=f"{name} {words}") as refused:
            load_checkpoint(model, tmp_path / name)
        assert len(str(refused.value).splitlines()) == 1
