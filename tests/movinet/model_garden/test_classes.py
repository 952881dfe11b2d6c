"""Scripts written for Model Garden's models run with other imports, on published checkpoints."""

import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from movinet.model_garden.classes import Movinet, MovinetClassifier
from movinet.presets import preset
from movinet.weights.load import load_checkpoint
from movinet.weights.save import save_checkpoint
from tests.support.official_checkpoints import FIXTURES, write_checkpoint
from tests.support.official_values import official_clip

STREAM = {
    "causal": True,
    "conv_type": "2plus1d",
    "se_type": "2plus3d",
    "activation": "hard_swish",
    "gating_activation": "hard_sigmoid",
}
IMPORTS = {
    "from official.projects.movinet.modeling import movinet": "from movinet import model_garden as movinet",
    "from official.projects.movinet.modeling import movinet_model": "from movinet import model_garden as movinet_model",
}

BASE_SCRIPT = """
import tensorflow as tf
from official.projects.movinet.modeling import movinet
from official.projects.movinet.modeling import movinet_model

backbone = movinet.Movinet(model_id='t0', causal=False, use_external_states=False)
model = movinet_model.MovinetClassifier(backbone, num_classes=5, output_states=False)
model.build(inputs.shape)
checkpoint_path = tf.train.latest_checkpoint(checkpoint_dir)
checkpoint = tf.train.Checkpoint(model=model)
status = checkpoint.restore(checkpoint_path)
status.assert_existing_objects_matched()
output = model(inputs)
prediction = tf.argmax(output, -1)
"""
STREAM_SCRIPT = """
import tensorflow as tf
from official.projects.movinet.modeling import movinet
from official.projects.movinet.modeling import movinet_model

model_id = 't0'
backbone = movinet.Movinet(
    model_id=model_id,
    causal=True,
    conv_type='2plus1d',
    se_type='2plus3d',
    activation='hard_swish',
    gating_activation='hard_sigmoid',
    use_positional_encoding=model_id in {'a3', 'a4', 'a5'},
    use_external_states=True,
)
model = movinet_model.MovinetClassifier(backbone, num_classes=5, output_states=True)
model.build(inputs.shape)
checkpoint = tf.train.Checkpoint(model=model)
status = checkpoint.restore(tf.train.latest_checkpoint(checkpoint_dir))
status.assert_existing_objects_matched()

init_states = model.init_states(tf.shape(inputs))
states = init_states
predictions = []
for frame in tf.split(inputs, inputs.shape[1], axis=1):
    output, states = model({**states, 'image': frame})
    predictions.append(output)
final_prediction = tf.argmax(predictions[-1], -1)
whole_output, _ = model({**init_states, 'image': inputs})
"""


def run(script: str, inputs: tf.Tensor, folder) -> dict:
    """The script's variables, with our imports for the official ones."""
    for theirs, ours in IMPORTS.items():
        script = script.replace(f"{theirs}\n", f"{ours}\n")
    assert "official" not in script
    variables = {"inputs": inputs, "checkpoint_dir": str(folder)}
    exec(script, variables)
    return variables


def published(name: str, folder) -> tuple[np.ndarray, tf.Tensor]:
    """Writes the checkpoint of a fixture into the folder; Model Garden's logits and their clip."""
    write_checkpoint(name, folder / "ckpt-1", count=1)
    (folder / "checkpoint").write_text('model_checkpoint_path: "ckpt-1"\n')
    fixture = np.load(FIXTURES / f"{name}.npz")
    size = next(iter(set(fixture.files) - {"about"}))
    return fixture[size], tf.constant(official_clip(*map(int, size.split("x"))))


def relative(found, expected) -> float:
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


def test_the_base_script_gives_model_gardens_logits(tmp_path):
    expected, clip = published("t0_base", tmp_path)
    found = run(BASE_SCRIPT, clip, tmp_path)
    assert relative(found["output"], expected) <= 1e-4
    assert found["prediction"] == np.argmax(expected)


def test_the_streaming_script_gives_model_gardens_logits_of_every_frame(tmp_path):
    expected, clip = published("t0_stream", tmp_path)
    found = run(STREAM_SCRIPT, clip, tmp_path)
    assert len(expected) == clip.shape[1] > 1
    assert relative(tf.concat(found["predictions"], 0), expected) <= 1e-4
    assert relative(found["whole_output"], expected[-1:]) <= 1e-4


@pytest.fixture(scope="module")
def base():
    """T0-Base for 7 classes; its weights are anybody's."""
    return MovinetClassifier(Movinet("t0"), 7)


@pytest.fixture(scope="module")
def stream():
    """T0-Stream for 5 classes with states in and out; its weights are anybody's."""
    return MovinetClassifier(Movinet("t0", use_external_states=True, **STREAM), 5, output_states=True)


def is_restored(model: keras.Model, restore) -> bool:
    """Whether `restore` sets all weights of the model as `load_checkpoint` had set them."""
    expected = model.get_weights()
    for weight in model.weights:
        weight.assign(keras.ops.full(weight.shape, 9.0))
    restore()
    return all(np.array_equal(found, value) for found, value in zip(model.get_weights(), expected, strict=True))


def come_and_go(name: str, model: MovinetClassifier, folder) -> None:
    """The checkpoint of a fixture comes into the model, and what the model writes comes into others."""
    published(name, folder)
    prefix, checkpoint = str(folder / "ckpt-1"), tf.train.Checkpoint(model=model)
    load_checkpoint(model, prefix)
    assert is_restored(model, lambda: checkpoint.restore(prefix).assert_existing_objects_matched().assert_consumed())
    written = checkpoint.save(str(folder / "again/ckpt"))
    assert is_restored(model, lambda: load_checkpoint(model, folder / "again"))
    backbone = tf.train.Checkpoint(**{"layer_with_weights-0": model.backbone})
    alone = tf.train.Checkpoint(model=backbone)
    assert is_restored(
        model.backbone, lambda: alone.restore(written).expect_partial().assert_existing_objects_matched()
    )


def test_a_checkpoint_comes_from_tensorflow_and_back(stream, tmp_path):
    come_and_go("t0_stream", stream, tmp_path)
    assert is_restored(stream, lambda: load_checkpoint(stream, tmp_path / "again"))
    save_checkpoint(stream, tmp_path / "ours/ckpt-1")
    assert is_restored(stream, lambda: load_checkpoint(stream, tmp_path / "ours"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments"), [("t0_base", {}), ("t0_base_3d_2plus1d", {"conv_type": "3d_2plus1d"})])
def test_checkpoints_of_other_forms_come_from_tensorflow_and_back(name, arguments, tmp_path):
    come_and_go(name, MovinetClassifier(Movinet("t0", **arguments), 5), tmp_path)


def test_another_network_is_not_restored_in_silence(base, stream, tmp_path):
    published("t0_base", tmp_path)
    prefix = str(tmp_path / "ckpt-1")
    with pytest.raises(ValueError, match="(?i)shape"):
        tf.train.Checkpoint(model=base).restore(prefix).expect_partial().assert_existing_objects_matched()
    with pytest.raises((ValueError, AssertionError)):
        tf.train.Checkpoint(model=stream).restore(prefix).expect_partial().assert_existing_objects_matched()


def test_arguments_are_the_published_specs(base, stream):
    assert base.backbone.spec == preset("t0-base")
    assert stream.backbone.spec == preset("t0-stream")
    assert stream.backbone.head_filters == 1024
    assert stream.backbone.conv_type == "2plus1d"


@pytest.mark.slow
def test_the_default_is_a0_and_a3_counts_frames():
    assert Movinet().spec == preset("a0-base")
    assert Movinet("a3", use_positional_encoding=True, **STREAM).spec == preset("a3-stream")


def test_a_backbone_gives_each_layers_result_and_states(stream, base):
    backbone = stream.backbone
    clip = np.random.default_rng(0).random((1, 3, 20, 20, 3), dtype=np.float32)
    endpoints, states = backbone(clip)
    names = [layer.name for layer in backbone.network.layers[1:]]
    assert list(endpoints) == names
    assert names[0] == "stem"
    assert names[-1] == "head"
    assert states.keys() == backbone.init_states(clip.shape).keys()
    first, states = backbone(clip[:, :1])
    later, states = backbone({"image": clip[:, 1:], **states})
    np.testing.assert_allclose(later["head"], endpoints["head"], rtol=1e-4, atol=1e-5)
    assert base.backbone(clip)[1] == {}
    assert list(base.backbone(clip)[0]) == list(first)


def test_states_may_be_left_out(stream, base):
    model = stream
    clip = tf.random.uniform((2, 2, 20, 20, 3))
    states = model.init_states(tf.shape(clip))
    np.testing.assert_array_equal(model(clip)[0], model({**states, "image": clip})[0])
    assert base({"image": clip}).shape == (2, 7)
    in_a_graph = tf.function(lambda clip: model.init_states(tf.shape(clip)))
    assert {name: state.shape for name, state in in_a_graph(clip).items()} == {
        name: state.shape for name, state in states.items()
    }


def test_settings_reach_the_layers():
    arguments = {"norm_momentum": 0.9, "norm_epsilon": 0.01, "stochastic_depth_drop_rate": 0.2}
    decay = keras.regularizers.L2(1e-3)
    backbone = Movinet("t0", kernel_regularizer=decay, kernel_initializer="zeros", **arguments)
    model = MovinetClassifier(backbone, 4, activation="relu", dropout_rate=0.5, kernel_regularizer="l2")
    norms = [layer for layer in model._flatten_layers() if layer.name in ("bn", "bn_temporal")]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 0.01)}
    assert model.get_layer("block4_layer3").stochastic_depth == pytest.approx(0.2)
    kernels = {weight.path: weight for weight in model.weights if weight.path.endswith("kernel")}
    dense, last = kernels.pop("classifier_head/head/kernel"), kernels.pop("classifier_head/classifier/kernel")
    assert all(weight.regularizer is not None and not np.any(weight) for weight in kernels.values())
    assert last.regularizer is None
    assert sum(map(float, model.losses)) == pytest.approx(0.01 * np.sum(np.square(dense)), rel=1e-5)


@pytest.mark.parametrize(
    ("policy", "external"), [("float32", False), pytest.param("mixed_bfloat16", True, marks=pytest.mark.slow)]
)
def test_a_saved_classifier_is_the_same(policy, external, tmp_path):
    backbone = Movinet("t0", use_external_states=external, kernel_regularizer="l2", dtype=policy, **STREAM)
    specs = {"image": keras.layers.InputSpec(shape=(None, 4, 20, 20, 3))}
    model = MovinetClassifier(backbone, 3, specs, output_states=external, name="mine")
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, MovinetClassifier)
    clip = rng.random((2, 4, 20, 20, 3), dtype=np.float32)
    for found, expected in zip(tf.nest.flatten(loaded(clip)), tf.nest.flatten(model(clip)), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert [weight.path for weight in loaded.weights] == [weight.path for weight in model.weights]


@pytest.mark.slow
def test_it_trains_as_any_keras_model_and_shows_its_layers(capsys):
    keras.utils.set_random_seed(0)
    model = MovinetClassifier(Movinet("t0", norm_momentum=0.5, use_external_states=True, **STREAM), 2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    clips, labels = np.random.default_rng(0).random((4, 2, 20, 20, 3), dtype=np.float32), np.array([0, 1, 0, 1])
    losses = model.fit(clips, labels, batch_size=4, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.summary()
    assert "block4_layer3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"model_id": "a9"}, "Movinet.model_id='a9' is not allowed; allowed: a0, a1, a2, a3, a4, a5, t0"),
        ({"conv_type": "2d"}, "Movinet.conv_type='2d' is not allowed; allowed: 3d, 2plus1d, 3d_2plus1d"),
        ({"average_pooling_type": "none"}, "Movinet.average_pooling_type='none' is not allowed; allowed: 3d, 2d"),
        ({"activation": "gelu"}, "Movinet.activation='gelu' is not allowed; allowed: swish, hard_swish, relu, relu6"),
        ({"use_external_states": True}, "Movinet.use_external_states=True is not allowed; allowed: False, unless"),
        ({"norm_momentum": 1.0}, "Movinet.norm_momentum=1.0 is not allowed; allowed: a number >= 0 and < 1"),
        ({"input_specs": (None, 3)}, "Movinet.input_specs=(None, 3) is not allowed; allowed: (batch, frames, "),
        ({"num_classes": 0}, "MovinetClassifier.num_classes=0 is not allowed; allowed: an integer >= 1"),
        ({"dropout_rate": 1.0}, "MovinetClassifier.dropout_rate=1.0 is not allowed; allowed: a number >= 0 and < 1"),
        ({"output_states": True}, "MovinetClassifier.output_states=True is not allowed; allowed: False for a base"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(wrong, text, base):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}") as refused:
        if text.startswith("MovinetClassifier"):
            MovinetClassifier(base.backbone, **{"num_classes": 2, **wrong})
        else:
            Movinet(**{"model_id": "t0", **wrong})
    assert len(str(refused.value).splitlines()) == 1
