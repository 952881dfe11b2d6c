"""Networks are ordinary Keras models: saved, frozen by stage, cut off for embeddings, trained for many labels."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from movinet.data.cache import FrameCache
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sources.source import read_source
from movinet.model import build_movinet, embedding_model
from movinet.spec import BlockSpec, ClipSpec, LayerSpec, StemSpec
from movinet.streaming import initial_states, stream_model
from movinet.training.freeze import freeze
from movinet.training.new_model import new_model
from movinet.training.settings import TrainSettings
from movinet.training.training import Training
from tests.movinet.test_model import STREAM, TINY, clips, shaken

SMALL = dataclasses.replace(STREAM, stem=StemSpec(4), blocks=(BlockSpec(8, (LayerSpec(12, (3, 3, 3)),)),))
SPECS = pytest.mark.parametrize("spec", [TINY, STREAM], ids=["base", "stream"])
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize(("spec", "policy"), [(TINY, "mixed_bfloat16"), (STREAM, "mixed_float16")])
def test_a_mixed_network_is_saved_with_its_precision(spec, policy, tmp_path):
    model = shaken(build_movinet(spec, 7, dropout=0.1, stochastic_depth=0.2, dtype=policy))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(clips()), model(clips()))
    assert json.loads(json.dumps(loaded.get_config())) == json.loads(json.dumps(model.get_config()))
    layers = [layer for layer in loaded._flatten_layers() if layer.weights]
    assert {layer.dtype_policy.name for layer in layers if layer is not loaded} == {policy}
    assert {weight.dtype for weight in loaded.weights} == {"float32"}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_mixed_stream_frame_by_frame_is_its_clip(policy):
    model = shaken(build_movinet(STREAM, 7, dtype=policy))
    stream, states, clip = stream_model(model), initial_states(model, 2, (17, 20)), clips()
    kinds = {name: state.dtype for name, state in states.items()}
    assert policy.removeprefix("mixed_") in {kind.name for kind in kinds.values()}
    for frame in range(clip.shape[1]):
        states = dict(stream({"image": clip[:, frame : frame + 1], **states}))
        logits = np.asarray(states.pop("logits"))
        assert {name: state.dtype for name, state in states.items()} == kinds
    whole = np.asarray(model(clip))
    assert np.abs(logits - whole).max() <= 0.05 * np.abs(whole).max()


@pytest.mark.parametrize(
    ("policy", "bound"), [("mixed_bfloat16", 0.03), pytest.param("mixed_float16", 0.005, marks=pytest.mark.slow)]
)
def test_half_precision_is_near_and_learns(policy, bound):
    keras.utils.set_random_seed(0)
    exact = shaken(build_movinet(SMALL, 2, batch_norm_momentum=0.5))
    model = build_movinet(SMALL, 2, batch_norm_momentum=0.5, dtype=policy)
    model.set_weights(exact.get_weights())
    expected = np.asarray(exact(clips()))
    assert np.abs(np.asarray(model(clips())) - expected).max() <= bound * np.abs(expected).max()
    optimizer = keras.optimizers.Adam(0.01)
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0**10)
    model.compile(optimizer, LOGITS)
    x, y = clips(4), np.arange(4) % 2
    x[y == 1] *= 0.3
    losses = model.fit(x, y, batch_size=4, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[2] <= losses[1] <= losses[0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@SPECS
def test_summary_shows_every_layer(spec, capsys):
    model = build_movinet(spec, 7)
    model.summary()
    shown = capsys.readouterr().out
    assert all(layer.name in shown for layer in model.layers)
    assert f"{model.count_params():,}" in shown


def values(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: weight.numpy() for weight in model.weights}


def changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    return {path for path, value in before.items() if not np.array_equal(value, after[path])}


@pytest.mark.parametrize(("spec", "until"), [(STREAM, "stem"), (TINY, "block0"), (STREAM, "head")])
def test_frozen_stages_keep_weights_and_statistics(spec, until):
    keras.utils.set_random_seed(0)
    model = shaken(build_movinet(spec, 2))
    freeze(model, until)
    stages = ["stem", "block0", "block1", "head", "classifier_head"]
    kept = stages[: stages.index(until) + 1]
    model.compile(keras.optimizers.SGD(0.05), LOGITS)
    before = values(model)
    model.fit(clips(4), np.array([0, 1, 1, 1]), batch_size=4, epochs=2, verbose=0)
    stage = {path: path.split("/")[0].removesuffix("_layer0").removesuffix("_layer1") for path in before}
    moved = changed(before, values(model))
    assert not {path for path in moved if stage[path] in kept}
    learning = {path for path in before if path.endswith(("kernel", "moving_mean")) and stage[path] not in kept}
    assert learning
    assert learning <= moved


def test_frozen_stages_stay_in_a_training_of_ours_too(tmp_path):
    synthesize(tmp_path / "clips", MovingShapes(1, 1, resolution=16, frames_per_second=4, seconds=1), workers=1)
    cache = FrameCache.build(read_source(tmp_path / "clips"), tmp_path / "frames", 16, 4, workers=1)
    settings = TrainSettings(epochs=1, batch_size=6)
    model = shaken(new_model(SMALL, len(cache.labels), settings))
    freeze(model, "block0")
    before = values(model)
    Training(model, cache, ClipSpec(3, 16, 4), settings).epoch()
    moved = {path.split("/")[0] for path in changed(before, values(model))}
    assert moved == {"head", "classifier_head"}


def test_freezing_again_replaces_what_was_frozen():
    model = build_movinet(TINY, 2)
    everything = len(model.trainable_weights)
    freeze(model, "head")
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {"classifier_head"}
    freeze(model, "stem")
    assert {weight.path.split("/")[0] for weight in model.weights} - {
        weight.path.split("/")[0] for weight in model.trainable_weights
    } == {"stem"}
    freeze(model, None)
    assert len(model.trainable_weights) == everything
    with pytest.raises(ValueError, match="^until='block2' is not allowed; allowed: stem, block0, block1, head, None$"):
        freeze(model, "block2")


@SPECS
def test_embeddings_are_what_the_classifier_sees(spec):
    model = shaken(build_movinet(spec, 7))
    embedding = embedding_model(model)
    features = embedding(clips())
    assert features.shape == (2, spec.head.project_filters)
    np.testing.assert_array_equal(model.get_layer("classifier_head")(features[:, None, None, None]), model(clips()))
    weights = {id(weight) for weight in model.get_layer("classifier_head").weights}
    assert {id(weight) for weight in embedding.weights} == {id(weight) for weight in model.weights} - weights


@pytest.mark.slow
def test_many_labels_at_once_are_learned_from_logits():
    keras.utils.set_random_seed(0)
    model = build_movinet(SMALL, 3, batch_norm_momentum=0.5)
    accuracy = keras.metrics.BinaryAccuracy(threshold=0.0)  # of logits
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True), metrics=[accuracy])
    x, y = clips(8), np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], "float32")  # each label a colour
    x *= 0.3 + y[:, None, None, None, :]
    history = model.fit(x, y, batch_size=8, epochs=20, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
