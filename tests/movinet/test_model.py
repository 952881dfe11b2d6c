"""The network a spec becomes: parameters, shapes, saving, training."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from movinet.model import build_movinet
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec

TINY = MovinetSpec(
    StemSpec(8),
    (
        BlockSpec(8, (LayerSpec(16, (1, 5, 5)), LayerSpec(24, (3, 3, 3), squeeze_excite=False))),
        BlockSpec(16, (LayerSpec(24, (5, 3, 3)),), stride=1),
    ),
    HeadSpec(24, 32),
)
STREAM = dataclasses.replace(
    TINY,
    causal=True,
    conv_type="2plus1d",
    se_type="2plus3d",
    activation="hard_swish",
    gating_activation="hard_sigmoid",
    use_positional_encoding=True,
)
A0_KERNELS = {"a": (1, 5, 5), "b": (3, 3, 3), "c": (5, 3, 3)}


def published_a0() -> MovinetSpec:
    rows = [
        (8, (24,), "a", 2),
        (32, (80, 80, 80), "bbb", 2),
        (56, (184, 112, 184), "cbb", 2),
        (56, (184, 184, 184, 184), "cbbb", 1),
        (104, (384, 280, 280, 344), "caaa", 2),
    ]
    blocks = (
        BlockSpec(width, tuple(LayerSpec(e, A0_KERNELS[k]) for e, k in zip(expand, kernels, strict=True)), stride)
        for width, expand, kernels, stride in rows
    )
    return MovinetSpec(StemSpec(8), tuple(blocks), HeadSpec(480))


def clips(batch=2, frames=4, height=17, width=20, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random((batch, frames, height, width, 3), dtype=np.float32)


def shaken(model: keras.Model) -> keras.Model:
    """The model with every weight off its initial value, so that ReZero's zeros hide nothing."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
    return model


def test_published_parameters():
    spec = published_a0()
    assert build_movinet(spec, 600).count_params() == 3_126_071
    stream = dataclasses.replace(spec, causal=True, conv_type="2plus1d", se_type="2plus3d")
    assert build_movinet(stream, 600).count_params() == 3_765_983


@pytest.mark.parametrize("spec", [TINY, STREAM], ids=["base", "stream"])
def test_any_clip_goes_in_and_logits_come_out(spec):
    model = build_movinet(spec, 7)
    for batch, frames, height, width in [(1, 1, 17, 20), (3, 6, 32, 32)]:
        logits = model(clips(batch, frames, height, width))
        assert logits.shape == (batch, 7)
        assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.parametrize("spec", [TINY, STREAM], ids=["base", "stream"])
def test_saved_and_loaded_gives_the_same_bits(spec, tmp_path):
    model = shaken(build_movinet(spec, 7, dropout=0.1, stochastic_depth=0.2))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(clips()), model(clips()))
    assert json.loads(json.dumps(loaded.get_config())) == json.loads(json.dumps(model.get_config()))


def test_training_lowers_the_loss_and_moves_the_statistics():
    keras.utils.set_random_seed(0)
    model = build_movinet(TINY, 2, batch_norm_momentum=0.5)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = clips(8), np.arange(8) % 2
    x[y == 1] *= 0.3
    losses = model.fit(x, y, batch_size=8, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    mean = next(w for w in model.weights if w.path == "stem/bn/moving_mean")
    assert np.abs(mean.numpy()).max() > 0


def test_stochastic_depth_drops_whole_clips_in_training_only():
    keras.utils.set_random_seed(0)
    model = shaken(build_movinet(TINY, 3, stochastic_depth=0.9))
    same = np.repeat(clips(1), 16, axis=0)
    assert len(np.unique(np.asarray(model(same, training=True)).round(4), axis=0)) > 1
    assert len(np.unique(np.asarray(model(same)).round(4), axis=0)) == 1


def test_a_causal_network_does_not_see_the_future():
    model = shaken(build_movinet(dataclasses.replace(STREAM, average_pooling_type="2d"), 3))
    clip = clips(1, 6)
    longer = np.concatenate([clip, clips(1, 2, seed=5)], axis=1)
    features = keras.Model(model.input, model.get_layer("block1_layer0").output)
    np.testing.assert_allclose(features(longer)[:, :6], features(clip), rtol=1e-4, atol=1e-4)


def test_frozen_batch_norm_keeps_its_statistics():
    model = shaken(build_movinet(TINY, 3))
    model.trainable = False
    before = [w.numpy() for w in model.weights]
    np.testing.assert_allclose(model(clips(), training=True), model(clips()), rtol=1e-5)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
