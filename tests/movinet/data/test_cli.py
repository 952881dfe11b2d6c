"""The contact sheet: the clips and variations that it says it shows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from movinet.data.batching.augment import Augment
from movinet.data.sets.contact_sheet import CAPTION, GAP, MARGIN, TITLE, sheet, write_sheet
from movinet.data.sources.clip_set import SourceError
from movinet.data.sources.source import read_source
from movinet.spec import ClipSpec
from tests.support.clip_files import numbered_frames, numbers, write_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three classes of four clips of 30 numbered frames at 10 per second."""
    root = tmp_path_factory.mktemp("clips")
    for label in "abc":
        for k in range(4):
            write_video(root / label / f"{k}.mp4", numbered_frames(30, 48, 48), 10)
    return root


def rows_of(path: Path, count: int, frames: int, size: int) -> np.ndarray:
    """The pictures on a sheet, (clips, 2, frames, size, size, 3)."""
    page = np.asarray(Image.open(path).convert("RGB"))
    block = (page.shape[0] - 2 * MARGIN) // count
    out = np.empty((count, 2, frames, size, size, 3), np.uint8)
    for place, row, number in np.ndindex(count, 2, frames):
        top = MARGIN + place * block + TITLE + row * (size + GAP)
        left = MARGIN + CAPTION + number * (size + GAP)
        out[place, row, number] = page[top : top + size, left : left + size]
    return out


def test_frames_as_read_above_and_varied_below(folder, tmp_path):
    clip = ClipSpec(6, 32, 5.0)
    assert write_sheet(read_source(folder), tmp_path / "sheet.png", clip, count=4, workers=1) == 4
    shown = rows_of(tmp_path / "sheet.png", 4, 6, 32)
    for read, varied in shown:
        assert numbers(read) == [9, 11, 13, 15, 17, 19]  # 1.2 s in the middle of 3 s
        assert not np.array_equal(read, varied)
    still = Augment.none()
    write_sheet(read_source(folder), tmp_path / "still.png", clip, count=4, workers=1, augment=still)
    for read, varied in rows_of(tmp_path / "still.png", 4, 6, 32):
        np.testing.assert_array_equal(read, varied)


def test_the_seed_decides_clips_and_variations(folder, tmp_path):
    for name, seed in (("1", 1), ("again", 1), ("2", 2)):
        write_sheet(read_source(folder), tmp_path / f"{name}.png", ClipSpec(3, 16, 5.0), count=3, seed=seed, workers=1)
    one, again, two = ((tmp_path / f"{name}.png").read_bytes() for name in ("1", "again", "2"))
    assert one == again != two


def test_classes_come_in_turn(folder, monkeypatch, tmp_path):
    titles = []
    monkeypatch.setattr(
        "movinet.data.sets.contact_sheet.sheet",
        lambda *parts: titles.append([label for label, _ in parts[2]]) or sheet(*parts),
    )
    for count in (2, 3, 5, 99):
        write_sheet(read_source(folder), tmp_path / "x.png", ClipSpec(2, 16, 5.0), count=count, workers=1)
    assert [len(set(labels)) for labels in titles] == [2, 3, 3, 3]
    assert [len(labels) for labels in titles] == [2, 3, 5, 9]
    assert all(labels == sorted(labels) for labels in titles)


def test_a_split_without_clips_is_an_error(folder, tmp_path):
    with pytest.raises(SourceError, match="no clips in the split 'test'; there are 9 in train, 3 in val, 0 in test"):
        write_sheet(read_source(folder), tmp_path / "x.png", ClipSpec(2, 16, 5.0), "test")
    with pytest.raises(SourceError, match="--clips 0 is not allowed"):
        write_sheet(read_source(folder), tmp_path / "x.png", ClipSpec(2, 16, 5.0), count=0)
