"""Clips of a run, made once however many processes ask for them."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from movinet.data.cache import FrameCache
from movinet.data.moving_shapes import MovingShapes
from movinet.data.prepare import DataSettings, prepare
from movinet.data.shape_drawing import LABELS
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
