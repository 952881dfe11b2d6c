"""A fused network gives the logits of the trained one, without its batch norms and ReZero scalars."""

import dataclasses
from random import Random
from typing import Any

import keras
import numpy as np
import pytest

from movinet.deploy.fuse import fuse
from movinet.model import build_movinet
from movinet.presets import preset
from movinet.spec import CONV_TYPES, BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.streaming import initial_states, stream_model
from tests.support.random_specs import random_spec

CAUSAL = MovinetSpec(
    StemSpec(8, (3, 3, 3)),
    (
        BlockSpec(8, (LayerSpec(16, (1, 5, 5)), LayerSpec(24, (3, 3, 3), squeeze_excite=False))),
        BlockSpec(16, (LayerSpec(24, (5, 3, 3)),), stride=1),
    ),
    HeadSpec(24, 32),
    causal=True,
    se_type="2plus3d",
    use_positional_encoding=True,
)


def trained(spec: MovinetSpec, classes: int = 7) -> keras.Model:
    """A network whose weights are all off their initial values, ReZero's zeros and the moving statistics too."""
    model, rng = build_movinet(spec, classes, dropout=0.1, stochastic_depth=0.2), np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight * rng.uniform(0.8, 1.2, weight.shape) + rng.uniform(0.05, 0.2, weight.shape))
    return model


def clips(frames=5, height=19, width=22) -> np.ndarray:
    return np.random.default_rng(0).random((2, frames, height, width, 3), dtype=np.float32)


def relative_error(values, expected) -> float:
    return float(np.abs(np.subtract(values, expected)).max() / np.abs(expected).max())


@pytest.mark.parametrize("conv_type", CONV_TYPES)
def test_logits_are_equal_and_norms_are_gone(conv_type):
    model = trained(dataclasses.replace(CAUSAL, conv_type=conv_type))
    fused = fuse(model)
    assert relative_error(fused(clips()), model(clips())) <= 1e-5
    leaves = {weight.path.rsplit("/", 1)[-1] for weight in fused.weights if "/se/" not in weight.path}
    temporal = set() if conv_type == "3d" else {"temporal_kernel", "temporal_bias"}
    assert leaves == {"kernel", "bias"} | temporal


@pytest.mark.parametrize("name", ["a0-base", "t0-stream"])
def test_published_networks_keep_their_logits(name):
    model = trained(preset(name), 600)
    clip = clips(3, 48, 48)
    assert relative_error(fuse(model)(clip), model(clip)) <= 1e-5


def test_random_networks_keep_their_logits():
    for seed in range(10):
        rng = Random(seed)
        spec = random_spec(rng)
        model, clip = trained(spec, 3), clips(rng.randint(1, 6), rng.randint(5, 24), rng.randint(5, 24))
        error = relative_error(fuse(model)(clip), model(clip))
        assert error <= 1e-5, f"seed {seed}, {spec}: relative error {error:.1e}"


def test_a_fused_network_streams():
    model = fuse(trained(dataclasses.replace(CAUSAL, conv_type="2plus1d")))
    stream: Any = stream_model(model)
    states = initial_states(model, 2, (19, 22))
    for frame in np.split(clips(), 5, axis=1):
        out = stream({"image": frame, **states})
        logits, states = out.pop("logits"), out
    assert relative_error(logits, model(clips())) <= 1e-5


def test_saved_and_loaded_gives_the_same_bits(tmp_path):
    fused = fuse(trained(CAUSAL))
    fused.save(tmp_path / "fused.keras")
    loaded: Any = keras.models.load_model(tmp_path / "fused.keras")
    np.testing.assert_array_equal(loaded(clips()), fused(clips()))


def test_the_trained_network_is_left_alone():
    model = trained(CAUSAL)
    before = [weight.numpy() for weight in model.weights]
    fused = fuse(model)
    for weight in fused.weights:
        weight.assign(weight * 0)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_half_precision_stays_half():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = trained(CAUSAL)
    finally:
        keras.config.set_dtype_policy("float32")
    fused = fuse(model)
    block: Any = fused.get_layer("block0_layer0")
    assert block.compute_dtype == block.feature.compute_dtype == "bfloat16"
    assert relative_error(fused(clips()), model(clips())) <= 0.05


def test_only_once_and_only_ours():
    fused = fuse(trained(CAUSAL))
    with pytest.raises(ValueError, match="movinet is fused already"):
        fuse(fused)
    with pytest.raises(ValueError, match="allowed: a model of build_movinet, not its twin"):
        fuse(stream_model(trained(CAUSAL)))
    with pytest.raises(ValueError, match="plain has no MoViNet layer"):
        fuse(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="plain"))
