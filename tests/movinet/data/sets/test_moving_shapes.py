import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from movinet.data.sets.moving_shapes import (
    MANIFEST,
    MovingShapes,
    MovingShapesError,
    Scene,
    clip_name,
    frames_of,
    synthesize,
)
from movinet.data.sets.shape_drawing import (
    HARD_LABELS,
    HARD_MOTIONS,
    LABELS,
    MOTIONS,
    SHAPES,
    course,
    draw,
)
from movinet.data.sources.source import read_source

SMALL = MovingShapes(train_clips=2, val_clips=1, resolution=32, frames_per_second=6, seconds=1)
COUNT = len(LABELS) * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return synthesize(tmp_path_factory.mktemp("shapes") / "small", SMALL, workers=2)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_twelve_classes_are_every_shape_with_every_motion():
    assert len(LABELS) == len(SHAPES) * len(MOTIONS) == 12
    assert "cross moving left" in LABELS


def test_the_layout_is_kinetics(folder):
    rows = [row for split in ("train", "val") for row in csv.DictReader((folder / f"{split}.csv").open())]
    assert list(rows[0]) == ["label", "youtube_id", "time_start", "time_end", "split"]
    assert len(rows) == COUNT
    for row in rows:
        assert len(row["youtube_id"]) == 11
        assert (folder / row["label"] / f"{row['youtube_id']}_000000_000001.mp4").is_file()


def test_the_reader_of_any_source_finds_all_clips(folder):
    found = read_source(folder)
    assert found.labels == tuple(sorted(LABELS))
    assert (len(found.split("train")), len(found.split("val")), found.missing) == (24, 12, ())


def test_a_clip_is_h264_of_the_size_and_rate_asked_for_and_shows_what_was_drawn(folder):
    scene = Scene("bar spinning", "val", 0)
    with av.open(str(folder / clip_name(scene, SMALL))) as video:
        stream = video.streams.video[0]
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(stream)])
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 6)
    drawn = frames_of(scene, SMALL)
    assert frames.shape == drawn.shape == (6, 32, 32, 3)
    assert np.abs(frames.astype(int) - drawn).mean() < 12  # of 255: colours are halved, the noise is lossy


def test_the_same_settings_write_the_same_bytes_whatever_the_number_of_processes(folder, tmp_path):
    assert contents(synthesize(tmp_path / "again", SMALL, workers=1)) == contents(folder)


def test_another_seed_draws_other_clips():
    other = MovingShapes(**{**vars(SMALL), "seed": 1})
    scene = Scene("cross growing", "train", 0)
    assert not np.array_equal(frames_of(scene, SMALL), frames_of(scene, other))
    assert clip_name(scene, SMALL) != clip_name(scene, other)


def test_no_two_clips_are_equal(folder):
    videos = [data for name, data in contents(folder).items() if name.endswith(".mp4")]
    assert len(set(videos)) == len(videos) == COUNT


def test_a_finished_folder_is_left_as_it_is(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert synthesize(folder, SMALL) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_folder_left_half_done_is_completed(folder, tmp_path):
    half = synthesize(tmp_path / "half", SMALL, workers=1)
    lost = half / clip_name(Scene("cross growing", "train", 1), SMALL)
    kept = half / clip_name(Scene("cross growing", "train", 0), SMALL)
    lost.unlink()
    (half / "val.csv").unlink()
    (half / MANIFEST).write_text(json.dumps({**json.loads((half / MANIFEST).read_text()), "complete": False}))
    written, steps = kept.stat().st_mtime_ns, []
    synthesize(half, SMALL, progress=lambda done, total: steps.append((done, total)))
    assert contents(half) == contents(folder)
    assert steps == [(COUNT, COUNT)]
    assert kept.stat().st_mtime_ns == written


def test_other_settings_replace_the_clips(tmp_path):
    first, second = (MovingShapes(1, 1, seed, resolution=16, frames_per_second=2, seconds=1) for seed in (0, 1))
    synthesize(tmp_path, first, workers=1)
    synthesize(tmp_path, second, workers=1)
    assert len(list(tmp_path.rglob("*.mp4"))) == 24
    assert read_source(tmp_path).missing == ()


def test_somebody_elses_folder_is_refused(tmp_path):
    (tmp_path / "holiday.mp4").write_bytes(b"mine")
    with pytest.raises(MovingShapesError, match=r"is not empty and holds no moving_shapes\.json"):
        synthesize(tmp_path, SMALL)
    assert contents(tmp_path) == {"holiday.mp4": b"mine"}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"train_clips": 0}, "MovingShapes.train_clips=0 is not allowed; allowed: an integer >= 1"),
        ({"val_clips": True}, "MovingShapes.val_clips=True is not allowed"),
        ({"seed": -1}, "MovingShapes.seed=-1 is not allowed"),
        ({"resolution": 33}, "MovingShapes.resolution=33 is not allowed; allowed: an even number"),
        ({"seconds": 0.5}, "MovingShapes.seconds=0.5 is not allowed"),
    ],
)
def test_settings_out_of_range_are_named(wrong, text):
    with pytest.raises(MovingShapesError, match=text):
        MovingShapes(**wrong)


def test_all_motions_are_alike_in_the_middle_so_a_frame_does_not_tell_them_apart():
    middle = np.zeros(1, np.float32)
    courses = [course(motion, middle, np.random.default_rng(5)) for motion in {*MOTIONS, *HARD_MOTIONS}]
    assert all(vars(found) == vars(courses[0]) for found in courses)
    clips = [draw(f"bar {motion}", middle, 32, np.random.default_rng(7)) for motion in MOTIONS]
    assert all(np.array_equal(clip, clips[0]) for clip in clips)


def test_all_shapes_move_alike_so_the_motion_does_not_tell_them_apart():
    times = np.linspace(-1, 1, 5, dtype=np.float32)
    one, other = (draw(f"{shape} moving left", times, 64, np.random.default_rng(3)) for shape in ("bar", "triangle"))
    centres = [
        [np.average(np.arange(64), weights=(f > f.mean() + 40).any(-1).sum(0) + 1e-9) for f in c] for c in (one, other)
    ]
    assert np.corrcoef(*centres)[0, 1] > 0.9


def test_motions_do_what_their_names_say():
    times = np.linspace(-1, 1, 9, dtype=np.float32)
    paths = {motion: course(motion, times, np.random.default_rng(0)) for motion in MOTIONS}
    moved = {motion: [np.ptp(values) > 0 for values in vars(path).values()] for motion, path in paths.items()}
    assert moved == {  # x, y, radius, angle
        "moving left": [True, False, False, False],
        "moving right": [True, False, False, False],
        "growing": [False, False, True, False],
        "spinning": [False, False, False, True],
    }
    assert np.all(np.diff(paths["moving left"].x) < 0)
    assert np.all(np.diff(paths["moving right"].x) > 0)
    assert np.all(np.diff(paths["growing"].radius) > 0)


def test_settings_are_read_without_a_video_library():
    code = "import sys, movinet.data.sets.moving_shapes; assert not {'av', 'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hard_clips_have_twice_the_classes_and_something_else_that_moves(tmp_path):
    hard = MovingShapes(train_clips=1, val_clips=1, resolution=32, frames_per_second=6, seconds=1, hard=True)
    found = read_source(synthesize(tmp_path / hard.name, hard, workers=2))
    assert found.labels == tuple(sorted(HARD_LABELS))
    assert len(HARD_LABELS) == 24
    assert hard.name == "moving_shapes-1-1-0-32-6-1-hard"
    times = np.array([-0.5, 0.0, 0.5], np.float32)
    plain, hidden = (draw("ring growing", times, 64, np.random.default_rng(3), distracted=it) for it in (False, True))
    assert (np.abs(plain.astype(int) - hidden) > 60).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize(("motion", "opposite"), [("growing", "shrinking"), ("spinning left", "spinning right")])
def test_finer_motions_are_each_other_backwards(motion, opposite):
    times = np.linspace(-1, 1, 5, dtype=np.float32)
    one, other = (course(each, times, np.random.default_rng(2)) for each in (motion, opposite))
    for name in ("radius", "angle"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name)[::-1], rtol=1e-5)


def test_a_test_split_changes_no_other_clip(tmp_path):
    without, with_test = synthesize(tmp_path / "a", SMALL), synthesize(tmp_path / "b", replace(SMALL, test_clips=1))
    for split in ("train", "val"):
        assert (without / f"{split}.csv").read_bytes() == (with_test / f"{split}.csv").read_bytes()
    assert not (without / "test.csv").exists()
    found = read_source(with_test)
    assert {split: len(found.split(split)) for split in ("train", "val", "test")} == {
        "train": 24,
        "val": 12,
        "test": 12,
    }
    shared = {path.relative_to(without) for path in without.rglob("*.mp4")}
    assert all((without / path).read_bytes() == (with_test / path).read_bytes() for path in shared)
    assert {clip.path.relative_to(with_test) for clip in found.split("test")}.isdisjoint(shared)
    assert SMALL.name == "moving_shapes-2-1-0-32-6-1"  # as it was before there was such a split
    assert replace(SMALL, test_clips=1).name == f"{SMALL.name}-test1"
    synthesize(tmp_path / "b", SMALL)
    assert not (with_test / "test.csv").exists()
