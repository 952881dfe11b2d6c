"""A family member's folder: the network, and the file for phones or the reason why there is none."""

import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from movinet.data.batching.pipeline import make_view, views
from movinet.data.cache import FrameCache
from movinet.data.centre import centre_square
from movinet.data.sources.source import read_source
from movinet.models.folder import load_network, read_member
from movinet.training.measurement import Measurement
from results.members import read_metrics
from search.member import write_member
from tests.movinet.export.test_run import built
from tests.support.clip_files import numbered_frames, write_video
from tests.support.predict_members import CAUSAL, LABELS, SPEC


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Two clips of each class."""
    root = tmp_path_factory.mktemp("clips")
    for label in LABELS:
        for number in range(2):
            write_video(root / "clips" / label / f"{number}.mp4", numbered_frames(12, 32, 32), 8.0)
    return FrameCache.build(read_source(root / "clips"), root / "frames", 32, 8, workers=1)


def ended(spec):
    """What a training leaves, as far as it is written."""
    measured = Measurement(1, 1.0, 0.5, 1.0, 0.25, 2.0, 1.0)
    settings = SimpleNamespace(seed=3)
    return SimpleNamespace(
        spec=spec, model=built(spec, len(LABELS)), measurements=[measured], times={"train": 2.0}, settings=settings
    )


@pytest.mark.parametrize(("spec", "name"), [(CAUSAL, "stream"), (SPEC, "clip")])
def test_a_member_has_a_proved_file_for_phones(spec, name, cache, tmp_path):
    evaluation = ended(spec)
    metrics = write_member(tmp_path / "A0", evaluation, cache)
    assert metrics == read_metrics(tmp_path / "A0")
    assert metrics["litert"]["file"] == f"{name}.tflite"
    assert 0 < metrics["litert"]["relative_error"] < 1e-4
    assert metrics["litert"]["bytes"] == (tmp_path / "A0" / f"{name}.tflite").stat().st_size
    manifest = json.loads((tmp_path / "A0" / f"{name}.json").read_text())
    assert manifest["labels"] == list(LABELS)
    assert manifest["image"]["frames_per_second"] == spec.clip.frames_per_second


def test_a_member_is_proved_on_white_frames_that_were_resized(tmp_path):
    white = np.full((12, 64, 64, 3), 255, np.uint8)
    for label in LABELS:
        for number in range(2):
            write_video(tmp_path / "clips" / label / f"{number}.mkv", white, 8.0)
    cache = FrameCache.build(read_source(tmp_path / "clips"), tmp_path / "frames", 64, 8, workers=1)
    spec = dataclasses.replace(CAUSAL, clip=dataclasses.replace(CAUSAL.clip, resolution=49))
    shown = make_view(cache, cache.index("val"), spec.clip, *views())
    assert shown.max() == centre_square(white, 49).max() == 1  # not a bit more
    assert write_member(tmp_path / "A0", ended(spec), cache)["litert"]["file"] == "stream.tflite"


def test_a_file_that_is_refused_is_a_reason_and_the_network_is_kept(cache, tmp_path, monkeypatch):
    monkeypatch.setattr("movinet.export.write.LIMITS", {None: -math.inf})
    evaluation = ended(CAUSAL)
    metrics = write_member(tmp_path / "A0", evaluation, cache)
    assert metrics["litert"]["file"] is None
    assert metrics["litert"]["reason"].startswith("ExportError: stream.tflite: after 1 frames the logits are ")
    assert sorted(path.name for path in (tmp_path / "A0").iterdir()) == [
        "labels.json",
        "metrics.json",
        "model.keras",
        "spec.yaml",
    ]
    clip = np.full((1, 4, 16, 16, 3), 0.5, np.float32)
    np.testing.assert_array_equal(load_network(read_member(tmp_path / "A0"))(clip), evaluation.model(clip))
