"""Ensembles answer with the mean of their members' logits, each member on its own frames."""

import dataclasses
import json
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from movinet.cost import network_cost
from movinet.data.centre import centre_clip
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.layers.pool import Exponential
from movinet.model import build_movinet
from movinet.models.ensemble import A6, Ensemble, EnsembleMember, TemporalStream, load_ensemble, temporal_ensemble
from movinet.models.folder import MEMBER_FILES, MemberError
from movinet.presets import preset
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec, spec_to_yaml
from movinet.streaming import Stream

SPEC = MovinetSpec(
    StemSpec(8),
    (BlockSpec(8, (LayerSpec(16, (3, 3, 3)), LayerSpec(16, (1, 3, 3)))),),
    HeadSpec(16, 16),
    ClipSpec(4, 24, 3),
)
STREAM = dataclasses.replace(SPEC, causal=True, conv_type="2plus1d", se_type="2plus3d")
LABELS = ("falls", "rises", "turns")


@cache
def network(spec: MovinetSpec, seed: int) -> keras.Model:
    """A network with every weight off its initial value; seeds 1 and 2 are nobody's to train."""
    model, rng = build_movinet(spec, len(LABELS)), np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
    return model


def clip_of(frames: int, batch: int = 2, size: int = 19) -> np.ndarray:
    return np.random.default_rng(frames).random((batch, frames, size, size + 2, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def pair():
    return network(STREAM, 1), network(STREAM, 2)


@pytest.mark.parametrize("spec", [SPEC, STREAM], ids=["base", "stream"])
@pytest.mark.parametrize("frames", [2, 5, 8])
def test_temporal_ensemble_is_the_mean_over_alternate_frames(spec, frames):
    first, second = network(spec, 1), network(spec, 2)
    clip = clip_of(frames)
    mean = (np.asarray(first(clip[:, 0::2])) + np.asarray(second(clip[:, 1::2]))) / 2
    np.testing.assert_allclose(temporal_ensemble(first, second)(clip), mean, rtol=1e-5)


def test_of_one_frame_the_first_member_alone_speaks(pair):
    clip = clip_of(1)
    np.testing.assert_array_equal(temporal_ensemble(*pair)(clip), pair[0](clip))
    np.testing.assert_allclose(temporal_ensemble(*pair).predict(clip, verbose=0), pair[0](clip), rtol=1e-5)


def test_predict_takes_clips_of_any_length(pair):
    ensemble = temporal_ensemble(*pair)
    for frames in (3, 4):
        clip = clip_of(frames)
        np.testing.assert_allclose(ensemble.predict(clip, verbose=0), ensemble(clip), rtol=1e-5)


def test_saved_temporal_ensemble_gives_the_same_bits(pair, tmp_path):
    ensemble, clip = temporal_ensemble(*pair), clip_of(5)
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.models.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_array_equal(loaded(clip), ensemble(clip))
    assert loaded.count_params() == sum(model.count_params() for model in pair)


def test_both_networks_learn_under_their_own_weights():
    pair = network(STREAM, 3), network(STREAM, 4)
    ensemble = temporal_ensemble(*pair)
    assert {id(w) for w in ensemble.weights} == {id(w) for model in pair for w in model.weights}
    before = [[weight.numpy() for weight in model.non_trainable_weights] for model in pair]
    ensemble(clip_of(4), training=True)  # moves the statistics of batch norms
    for values, model in zip(before, pair, strict=True):
        assert all(not np.array_equal(a, b) for a, b in zip(values, model.non_trainable_weights, strict=True))


@pytest.mark.parametrize("pieces", [[1] * 7, [2, 5], [1, 3, 1, 2], [7]], ids=str)
def test_temporal_stream_is_the_members_by_hand(pair, pieces):
    clip, stream = clip_of(7), TemporalStream(*pair)
    for end, frames in zip(np.cumsum(pieces), pieces, strict=True):
        logits = stream.push(clip[:, end - frames : end])
        rows = [np.asarray(model(clip[:, start:end:2])) for start, model in enumerate(pair) if start < end]
        np.testing.assert_allclose(logits, np.mean(rows, axis=0), rtol=1e-4)
        assert stream.frames_seen == end


def test_each_frame_is_the_work_of_one_member(pair):
    stream = TemporalStream(*pair)
    for frame in range(5):
        stream.push(clip_of(1))
        assert [member.frames_seen for member in stream._streams] == [frame // 2 + 1, (frame + 1) // 2]


def test_temporal_stream_resets_and_pools_as_it_is_told(pair):
    clip, pool = clip_of(6), Exponential(1.5)
    stream, members = TemporalStream(*pair, pool), [Stream(model, pool) for model in pair]
    expected = sum(np.asarray(member.push(clip[:, start::2])) for start, member in enumerate(members)) / 2
    stream.push(clip_of(3))
    stream.reset()
    np.testing.assert_allclose(stream.push(clip), expected, rtol=1e-4)
    with pytest.raises(ValueError, match=r"frames of shape \(2, 0, 19, 21, 3\) are not allowed"):
        stream.push(clip[:, :0])
    assert stream.frames_seen == 6


def test_networks_of_other_classes_do_not_go_together(pair):
    other = build_movinet(STREAM, 4)
    for together in (temporal_ensemble, TemporalStream):
        with pytest.raises(ValueError, match="3 and 4 classes"):
            together(pair[0], other)


def saved_member(folder: Path, spec: MovinetSpec, seed: int, labels: tuple[str, ...] = LABELS) -> keras.Model:
    folder.mkdir()
    model = network(spec, seed)
    texts = (spec_to_yaml(spec), json.dumps(labels))
    for name, text in zip(MEMBER_FILES[:2], texts, strict=True):
        (folder / name).write_text(text)
    model.save(folder / MEMBER_FILES[2])
    return model


def test_a_video_goes_to_each_member_at_its_own_rate_and_size(tmp_path):
    synthesize(tmp_path / "videos", MovingShapes(train_clips=1, val_clips=1))
    video = sorted(tmp_path.rglob("*.mp4"))[0]
    other = dataclasses.replace(SPEC, clip=ClipSpec(6, 32, 5.0))
    models = [saved_member(tmp_path / "a", SPEC, 1), saved_member(tmp_path / "b", other, 2)]
    ensemble = load_ensemble([tmp_path / "a", tmp_path / "b"], weights=[1, 3])
    clips, damage = ensemble.clips(video)
    assert damage is None
    assert [clip.shape for clip in clips] == [(1, 4, 24, 24, 3), (1, 6, 32, 32, 3)]
    rows = [
        np.asarray(model(centre_clip(video, spec.clip)[0][None]))
        for model, spec in zip(models, (SPEC, other), strict=True)
    ]
    np.testing.assert_allclose(ensemble.logits(clips), (rows[0] + 3 * rows[1]) / 4, rtol=1e-5)
    assert ensemble.labels == LABELS


def test_folders_that_do_not_fit_are_refused(tmp_path):
    saved_member(tmp_path / "a", SPEC, 1)
    saved_member(tmp_path / "b", SPEC, 2, labels=("rises", "falls", "turns"))
    with pytest.raises(ValueError, match=r"members\[1\].labels are not those of the first"):
        load_ensemble([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(ValueError, match="1 weights are not allowed for 2 networks"):
        load_ensemble([tmp_path / "a", tmp_path / "a"], weights=[1.0])
    with pytest.raises(MemberError, match="no model here"):
        load_ensemble([tmp_path])


def test_members_that_make_no_sense_are_refused():
    model = network(SPEC, 1)
    with pytest.raises(ValueError, match="has 2 names; allowed: 3"):
        EnsembleMember(model, SPEC.clip, LABELS[:2])
    with pytest.raises(ValueError, match="EnsembleMember.weight=0 is not allowed"):
        EnsembleMember(model, SPEC.clip, LABELS, weight=0)
    with pytest.raises(ValueError, match="allowed: one network or more"):
        Ensemble(())


def test_a6_costs_what_was_published():
    assert sum(network_cost(preset(name)).flops for name in A6) == pytest.approx(386e9, rel=0.02)
