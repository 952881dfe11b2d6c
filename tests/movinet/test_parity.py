"""With equal weights our logits are those of TensorFlow Model Garden (fixtures/model_garden.py wrote them)."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from movinet.model import build_movinet
from movinet.presets import preset
from movinet.streaming import initial_states, stream_model
from movinet.weights.model_garden_names import official_names
from tests.support.official_values import official_clip, official_value
from tests.support.paths import FIXTURES

FIXTURES = sorted(FIXTURES.glob("*.npz"))
QUICK = {"a0_base", "a0_stream", "a0_stream_clip", "t0_causal_3d_stream", "t0_base_2plus1d", "t0_pooling_2d"}


def official_model(about: dict) -> keras.Model:
    """Our network for the arguments Model Garden was given, every weight a function of its official name."""
    arguments = {"causal": False, "conv_type": "3d", "se_type": "3d", "use_positional_encoding": False}
    arguments |= {"activation": "swish", "gating_activation": "sigmoid", **about["arguments"]}
    spec = dataclasses.replace(preset(f"{about['model']}-base"), **arguments)
    model = build_movinet(spec, num_classes=5)
    for name, variable in official_names(model).items():
        called = "scale" if name.endswith("/position/scale") else name
        variable.assign(official_value(called, tuple(variable.shape)))
    return model


def every_frame(model: keras.Model, clip: np.ndarray) -> np.ndarray:
    """(T, classes): the logits after each frame."""
    stream, states, rows = stream_model(model), initial_states(model, 1, clip.shape[2:4]), []
    for frame in range(clip.shape[1]):
        out = stream({"image": clip[:, frame : frame + 1], **states})
        rows.append(np.asarray(out.pop("logits")))
        states = out
    return np.concatenate(rows)


@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=() if p.stem in QUICK else pytest.mark.slow, id=p.stem) for p in FIXTURES]
)
def test_logits_are_the_published_ones(path):
    fixture = np.load(path)
    about = json.loads(str(fixture["about"]))
    model = official_model(about)
    assert model.count_params() == about["parameters"]
    for size in set(fixture.files) - {"about"}:
        clip, expected = official_clip(*map(int, size.split("x"))), fixture[size]
        ours = every_frame(model, clip) if len(expected) > 1 else np.asarray(model(clip))
        error = np.abs(ours - expected).max() / np.abs(expected).max()
        assert error <= 1e-4, f"{size}: relative error {error:.1e}"


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_names_and_shapes_are_the_published_ones(path):
    if path.stem not in QUICK:
        pytest.skip("each kind of variable is in the quick ones")
    about = json.loads(str(np.load(path)["about"]))
    ours = {name: list(variable.shape) for name, variable in official_names(official_model(about)).items()}
    assert ours == dict(map(tuple, about["variables"]))
