"""Clips of a run, made once however many processes ask for them."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from movinet.data.cache import CacheError, FrameCache
from movinet.data.prepare import DataSettings, prepare
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sets.shape_drawing import LABELS
from movinet.data.sources.clip_set import SourceError
from movinet.data.sources.source import read_source
from movinet.spec import ClipSpec

SHAPES = MovingShapes(2, 1, resolution=20, frames_per_second=4, seconds=1)


def clips_in(folder: Path) -> int:
    """How many clips a process finds; module level, since it is called in one of its own."""
    found: FrameCache = prepare(DataSettings(folder=str(folder), moving_shapes=SHAPES), [ClipSpec(4, 16, 4)])
    return len(found.index("train"))


def test_four_processes_that_need_the_same_clips_at_once_all_get_them(tmp_path):
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        counts = list(pool.map(clips_in, [tmp_path / "data"] * 3))
    assert counts == [len(LABELS) * 2] * 3


def test_what_is_left_out_is_told_and_the_disk_is_bounded(tmp_path):
    folder = synthesize(tmp_path / "shapes", SHAPES)
    for name in ("train.csv", "val.csv", "moving_shapes.json"):
        (folder / name).unlink()
    first = min(folder.rglob("*.mp4"))
    first.write_bytes(b"")
    (folder / "loose.mp4").write_bytes(b"")
    told: list[str] = []
    data = DataSettings(path=str(folder), folder=str(tmp_path / "data"))
    cache = prepare(data, [ClipSpec(4, 16, 4)], note=told.append)
    assert len(cache) == 3 * len(LABELS) - 1
    assert told == [
        "1 clips have no label and are left out",
        f"1 clips give no frames, e.g. {first} (empty file); all in {cache.folder}/index.json",
    ]
    small = DataSettings(path=str(folder), folder=str(tmp_path / "small"), max_gib=1e-6)
    with pytest.raises(CacheError, match=r"the limit is 0\.0 GiB; lower .*max_gib"):
        prepare(small, [ClipSpec(4, 16, 4)])


def test_a_split_of_which_no_clip_decodes_is_refused(tmp_path):
    """Otherwise each trial of a search would fail for want of it."""
    folder = synthesize(tmp_path / "shapes", SHAPES)
    for clip in read_source(folder).split("val"):
        clip.path.write_bytes(b"")
    with pytest.raises(SourceError, match=r"shapes: no clips to validate with: none of 12 decodes; why: "):
        prepare(DataSettings(path=str(folder), folder=str(tmp_path / "data")), [ClipSpec(4, 16, 4)])
