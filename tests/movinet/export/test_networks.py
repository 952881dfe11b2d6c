"""Every kind of network exports and agrees: random specs, and published ones at a small size."""

import dataclasses
from random import Random

import numpy as np
import pytest

from movinet.deploy.graph import FrameGraph
from movinet.export.run import export
from movinet.export.signature import clip_signature, frame_signature, stream_signature
from movinet.presets import preset
from movinet.spec import ClipSpec
from tests.support.exports import built, keras_logits
from tests.support.random_specs import random_spec


def small(spec):
    """The spec for clips of four frames of 18 pixels."""
    return dataclasses.replace(spec, clip=ClipSpec(4, 18, 5.0))


@pytest.mark.parametrize("seed", range(3))
def test_a_frame_graph_gives_what_keras_gives(seed):
    rng = Random(seed)
    spec = small(random_spec(rng))
    model = built(spec)
    clip = np.random.default_rng(seed).random((4, 18, 18, 3), dtype=np.float32)
    logits = clip_signature(model, spec.clip).concrete()(image=clip[None])["logits"]
    np.testing.assert_allclose(logits, model(clip[None]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(6, 8))
@pytest.mark.parametrize("make", [stream_signature, frame_signature])
def test_a_frame_graph_streams_as_keras_does(seed, make):
    model = built(small(dataclasses.replace(random_spec(Random(seed)), causal=True)))
    clip = np.random.default_rng(seed).random((5, 18, 18, 3), dtype=np.float32)
    signature = make(model, 18)
    function, states, rows = signature.concrete(), signature.first_states(), []
    for frame in clip:
        given = {"image": frame.reshape(signature.image), **states}
        returned = function(**given)
        rows.append(np.asarray(returned["logits"])[0])
        states = signature.next_states(given, returned)
    np.testing.assert_allclose(np.stack(rows), keras_logits(model, clip), rtol=1e-4, atol=1e-5)


def test_an_int8_graph_before_it_is_quantised_gives_almost_the_same():
    spec = dataclasses.replace(small(random_spec(Random(2))), activation="hard_swish")
    model, clip = built(spec), np.random.default_rng(0).random((4, 18, 18, 3), dtype=np.float32)
    exact, rounded = (np.asarray(FrameGraph(model, int8)(clip)[0]) for int8 in (False, True))
    np.testing.assert_allclose(rounded, exact, rtol=1e-3, atol=1e-3)
    assert (rounded != exact).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a0-base", "a0-stream", "t0-stream"])
def test_published_networks_export_and_agree(name, tmp_path):
    spec = preset(name)
    model = built(dataclasses.replace(spec, clip=ClipSpec(4, 64, 5.0)))
    report = export(model, tmp_path / "net.tflite", clip=ClipSpec(4, 64, 5.0), at_frames=(1, 50))
    assert max(row["relative_error"] for row in report["agreement"]) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 23))
@pytest.mark.parametrize("quantize", [None, "float16"])
def test_random_candidates_export_and_agree(seed, quantize, tmp_path):
    spec = small(random_spec(Random(seed)))
    report = export(built(spec), tmp_path / "net.tflite", quantize=quantize, clip=spec.clip, at_frames=(1, 50))
    limit = {None: 1e-4, "float16": 1e-2}[quantize]
    assert max(row["relative_error"] for row in report["agreement"]) <= limit
