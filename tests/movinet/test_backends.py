"""TensorFlow and JAX compute and learn the same."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

from movinet.model import build_movinet
from movinet.presets import preset
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from tests.support.on_backend import CLASSES, results
from tests.support.paths import ROOT
from tests.support.random_specs import random_spec

pytestmark = [
    pytest.mark.slow,  # JAX compiles each operation
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs the extra jax"),
]
SMALL = MovinetSpec(
    StemSpec(4, (3, 3, 3)),
    (BlockSpec(8, (LayerSpec(8, (5, 3, 3)),)),),
    HeadSpec(8, 16),
    causal=True,
    conv_type="2plus1d",
    se_type="2plus3d",
    use_positional_encoding=True,
)


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def same_on_jax(spec: MovinetSpec, folder: Path, by_frame: bool = False) -> None:
    model = build_movinet(spec, CLASSES)
    rng = np.random.default_rng(1)
    for weight in model.weights:  # off the initial values, so that ReZero's zeros hide nothing
        if weight.path.endswith(("scale", "gamma", "beta", "moving_mean", "moving_variance", "bias")):
            weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
    weights, out = folder / "model.weights.h5", folder / "jax.npz"
    model.save_weights(weights)
    (folder / "asked.json").write_text(json.dumps({"spec": spec.to_dict(), "by_frame": by_frame}))
    command = [sys.executable, "-m", "tests.support.on_backend", folder / "asked.json", weights, out]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    on_jax, expected = dict(np.load(out)), results(spec, weights, by_frame)
    assert str(on_jax.pop("backend")) == "jax"
    assert on_jax.keys() == expected.keys()
    after = ("losses", "trained")  # a step magnifies rounding
    worst = {name: relative(on_jax[name], value) for name, value in expected.items()}
    assert all(error <= (1e-4 if name in after else 1e-5) for name, error in worst.items()), worst
    assert np.isfinite(on_jax["losses"]).all()
    assert relative(expected["trained"], expected["logits"]) > 1e-3  # it has learned something


def test_a_small_stream_is_the_same_on_jax(tmp_path):
    same_on_jax(SMALL, tmp_path, by_frame=True)


def test_random_networks_are_the_same_on_jax(tmp_path):
    same_on_jax(random_spec(Random(5)), tmp_path)


@pytest.mark.parametrize("name", ["t0-base", "t0-stream"])
def test_a_published_network_is_the_same_on_jax(name, tmp_path):
    same_on_jax(preset(name), tmp_path)
