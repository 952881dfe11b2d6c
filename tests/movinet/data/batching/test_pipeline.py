"""Batches: the right frames, the right pixels, the same again for the same seed and epoch."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from movinet.data.batching.augment import Augment, Draw
from movinet.data.batching.cut import cut, resize_matrix
from movinet.data.batching.mixing import Mixing, mix
from movinet.data.batching.pipeline import batches, frame_indices
from movinet.data.cache import FrameCache
from movinet.data.sources.source import read_source
from movinet.data.video.frames import read_frames
from movinet.spec import ClipSpec
from tests.support.clip_files import numbered_frames, numbers, write_video

CLIP = ClipSpec(frames=5, resolution=48, frames_per_second=5)  # 1 second
ONLY_TIME = Augment((1, 1), (1, 1), 0, 0, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    for label in "ab":
        for k in range(5):
            write_video(root / label / f"{k}.mp4", numbered_frames(20), 10)
    return root


@pytest.fixture(scope="module")
def cache(folder, tmp_path_factory) -> FrameCache:
    return FrameCache.build(read_source(folder), tmp_path_factory.mktemp("cache") / "frames", 48, 10)


def shown(clips: np.ndarray) -> list[list[int]]:
    return [numbers(clip * 255) for clip in clips]


def test_evaluation_takes_the_centre_as_a_direct_read_does(cache, folder):
    clips, labels = next(batches(cache, "val", CLIP, 2))
    assert shown(clips) == [[5, 7, 9, 11, 13]] * 2  # 0.5, 0.7, ... of 2 s
    direct = read_frames(folder / "a" / "0.mp4", times=[0.5, 0.7, 0.9, 1.1, 1.3])[:, :, 8:56]
    np.testing.assert_allclose(clips[0], direct / np.float32(255), atol=1e-6)
    assert labels.tolist() == [0, 1]
    assert (clips.dtype, labels.dtype) == (np.float32, np.int32)


def test_training_starts_anywhere_the_clip_fits(cache):
    starts = set()
    for epoch in range(12):
        for clips, _ in batches(cache, "train", CLIP, 8, epoch=epoch, augment=ONLY_TIME):
            for clip in shown(clips):
                starts.add(clip[0])
                assert np.diff(clip).tolist() == [2] * 4
    assert starts == set(range(12))  # the last moment is start + 0.8 s of 2 s


def test_a_clip_longer_than_its_video_repeats_it(cache):
    clips, _ = next(batches(cache, "val", ClipSpec(6, 48, 2), 1))
    assert shown(clips) == [[0, 5, 10, 15, 0, 5]]


def test_seed_and_epoch_decide_everything(cache):
    def run(seed: int, epoch: int) -> tuple[np.ndarray, list[int]]:
        chosen = list(batches(cache, "train", CLIP, 4, seed, epoch, Augment(flip=True, permute_channels=True)))
        return np.concatenate([clips for clips, _ in chosen]), [label for _, labels in chosen for label in labels]

    clips, labels = run(1, 1)
    again, labels_again = run(1, 1)
    np.testing.assert_array_equal(clips, again)
    assert labels == labels_again
    for other in ((1, 2), (2, 1)):
        assert not np.array_equal(clips, run(*other)[0])


def test_batches_made_ahead_are_the_same(cache):
    arguments = (cache, "train", CLIP, 2, 1, 1, Augment())
    for one, other in zip(batches(*arguments), batches(*arguments, ahead=3), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    next(batches(*arguments, ahead=3))  # left early, without waiting for more


def test_training_drops_the_incomplete_batch_and_evaluation_keeps_it(cache):
    assert len(cache.index("train")) == 8
    assert [len(labels) for _, labels in batches(cache, "train", CLIP, 3)] == [3, 3]
    assert [len(labels) for _, labels in batches(cache, "train", CLIP, 100)] == [8]
    assert [len(labels) for _, labels in batches(cache, "train", CLIP, 3, shuffle=False, drop_last=False)] == [3, 3, 2]
    assert sum(len(labels) for _, labels in batches(cache, "val", CLIP, 3)) == 2


def test_every_training_clip_comes_once_an_epoch(cache):
    _, labels = next(batches(cache, "train", CLIP, 8, augment=Augment()))
    assert sorted(labels.tolist()) == [0] * 4 + [1] * 4


def test_one_draw_holds_for_all_frames_of_a_clip(tmp_path):
    rng = np.random.default_rng(0)
    for name in "ab":
        still = np.repeat(rng.integers(0, 256, (1, 6, 8, 3), dtype=np.uint8), 16, axis=0)
        write_video(tmp_path / name / "1.mp4", still.repeat(8, 1).repeat(8, 2), 10)
    still_cache = FrameCache.build(read_source(tmp_path), tmp_path / "cache", 48, 10)
    strong = Augment((0.3, 0.6), brightness=0.3, contrast=0.5, channel_gain=0.5, permute_channels=True, flip=True)
    clips, _ = next(batches(still_cache, "train", ClipSpec(4, 24, 5), 2, augment=strong))
    assert np.abs(np.diff(clips, axis=1)).max() < 0.06  # what the encoder changes
    assert np.abs(clips[0] - clips[1]).mean() > 0.06
    assert clips.min() >= 0
    assert clips.max() <= 1


@given(
    size=st.integers(1, 40),
    available=st.integers(1, 60),
    share=st.floats(0.2, 1.0),
    place=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_resizing_is_that_of_pillow(size, available, share, place, seed):
    length = max(1.0, share * available)
    start = place * (available - length)
    line = np.random.default_rng(seed).random((1, available), np.float32)
    low, weights = resize_matrix(size, start, length, available)
    expected = Image.fromarray(line).resize((size, 1), Image.Resampling.BILINEAR, box=(start, 0, start + length, 1))
    np.testing.assert_allclose(weights @ line[0, low : low + weights.shape[1]], np.asarray(expected)[0], atol=1e-5)


def test_a_cut_applies_mirror_and_colours():
    frames = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    pixels = frames[[2, 0]] / np.float32(255)

    def result(**variation) -> np.ndarray:
        out = np.empty((2, 8, 8, 3), np.float32)
        cut(frames, np.array([2, 0]), Draw((0, 0, 8, 8), **variation), out)
        return out

    np.testing.assert_allclose(result(), pixels, atol=1e-6)
    np.testing.assert_allclose(result(flip=True), pixels[:, :, ::-1], atol=1e-6)
    np.testing.assert_allclose(result(channels=(2, 0, 1)), pixels[..., [2, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(result(gain=(0.5, 1, 2)), pixels * (0.5, 1, 2), atol=1e-6)
    np.testing.assert_allclose(result(brightness=0.2), pixels + 0.2, atol=1e-6)
    mean = pixels.mean()
    np.testing.assert_allclose(result(contrast=1.5), mean + 1.5 * (pixels - mean), atol=1e-5)


def test_speed_changes_how_much_of_the_video_a_clip_covers():
    rng = np.random.default_rng(0)
    fast = Augment(time_offset=False, speed=(2, 2))
    assert frame_indices(40, 10, ClipSpec(4, 8, 5), fast, rng).tolist() == [12, 16, 20, 24]
    assert frame_indices(40, 10, ClipSpec(4, 8, 5), None, rng).tolist() == [16, 18, 20, 22]
    assert frame_indices(40, 10, ClipSpec(4, 8, 20), None, rng).tolist() == [19, 19, 20, 20]


def test_batches_go_on_from_any_of_them(cache):
    whole = list(batches(cache, "train", CLIP, 2, 1, 1, Augment()))
    rest = list(batches(cache, "train", CLIP, 2, 1, 1, Augment(), first=3))
    assert len(rest) == len(whole) - 3
    for one, other in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("mixing", [None, Mixing(mixup=1.0, cutmix=1.0)])
def test_a_tf_dataset_holds_the_same_batches(cache, mixing):
    from movinet.data.batching.tf_dataset import tf_dataset

    dataset = tf_dataset(cache, "train", CLIP, 2, epoch=1, epochs=2, seed=3, augment=Augment(), mixing=mixing)
    expected = [
        batch for epoch in (1, 2) for batch in batches(cache, "train", CLIP, 2, 3, epoch, Augment(), mixing=mixing)
    ]
    assert dataset.element_spec[0].shape == (None, 5, 48, 48, 3)
    found = list(dataset.as_numpy_iterator())
    assert len(found) == len(expected) == 8
    for (clips, labels), (right_clips, right_labels) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(clips, right_clips)
        np.testing.assert_array_equal(labels, right_labels)


def test_mixup_adds_clips_and_labels_in_the_same_shares():
    rng = np.random.default_rng(0)
    flat = np.broadcast_to(np.array([0.0, 0.4, 1.0], np.float32)[:, None, None, None, None], (3, 2, 4, 4, 3))
    for _ in range(20):
        clips, shares = mix(flat.copy(), np.array([0, 1, 2]), 3, Mixing(mixup=1.0), rng)
        np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
        np.testing.assert_allclose(clips.mean((1, 2, 3, 4)), shares @ [0.0, 0.4, 1.0], atol=1e-6)


def test_cutmix_gives_labels_by_the_area_that_is_seen():
    rng = np.random.default_rng(0)
    flat = np.broadcast_to(np.array([0.0, 1.0], np.float32)[:, None, None, None, None], (2, 3, 8, 8, 3))
    seen = set()
    for _ in range(40):
        clips, shares = mix(flat.copy(), np.array([0, 1]), 2, Mixing(mixup=0.0, cutmix=1.0), rng)
        np.testing.assert_allclose(clips.mean((1, 2, 3, 4)), shares[:, 1], atol=1e-6)
        assert np.ptp(clips, axis=1).max() == 0  # the same box in all frames
        seen.add(round(float(shares[0, 1]), 3))
    assert len(seen) > 10


def test_a_share_of_the_batches_stays_as_it_is():
    rng = np.random.default_rng(0)
    clips = rng.random((4, 2, 4, 4, 3), np.float32)
    mixed = [mix(clips.copy(), np.arange(4), 4, Mixing(share=0.5), rng)[1] for _ in range(200)]
    plain = sum(np.array_equal(shares, np.eye(4)) for shares in mixed)
    assert 70 < plain < 140


@pytest.mark.parametrize("mixing", [None, Mixing(mixup=0.3, cutmix=0.3)])
def test_batches_made_together_are_those_made_one_by_one(cache, mixing):
    arguments = (cache, "train", CLIP, 2, 1, 1, Augment())
    singles = list(batches(*arguments, first=1, mixing=mixing))
    clips, labels = zip(*batches(*arguments, first=1, mixing=mixing, together=[2, 1]), strict=True)
    assert [len(each) for each in clips] == [2, 1]
    for one, other in zip(singles, zip(np.concatenate(clips), np.concatenate(labels), strict=True), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
