"""Decoded frames: built once, shared, rebuilt when what they depend on changes."""

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from movinet.data.cache import FrameCache
from movinet.data.cache_index import CacheError
from movinet.data.sources.clip_set import ClipFile, ClipSet
from movinet.data.sources.source import read_source
from movinet.data.video.frames import read_frames
from tests.support.clip_files import numbered_frames, numbers, write_video
from tests.support.killed import left_by_a_killed_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two classes of four clips of 2 s at 10 frames per second, 48 x 64; clip k of a class starts at frame k."""
    root = tmp_path_factory.mktemp("clips")
    for label in "ab":
        for k in range(4):
            write_video(root / label / f"{k}.mp4", numbered_frames(20 + k)[k:], 10)
    return root


def test_entries_hold_the_frames_that_a_direct_read_gives(folder, tmp_path):
    seen = []
    cache = FrameCache.build(read_source(folder), tmp_path / "cache", 32, 5, progress=lambda *x: seen.append(x))
    assert seen == [(done, 8) for done in range(1, 9)]
    assert cache.labels == ("a", "b")
    assert sorted([*cache.index("train"), *cache.index("val")]) == list(range(8))
    for entry, path in enumerate(cache.paths):
        np.testing.assert_array_equal(cache.frames(entry), read_frames(path, 5, short_side=32))
        assert cache.labels[cache.label_indices[entry]] == Path(path).parent.name
    assert not cache.frames(0).flags.writeable


def test_the_middle_seconds_are_kept(folder, tmp_path):
    cache = FrameCache.build(read_source(folder), tmp_path / "cache", 48, 10, seconds=1)
    by_name = {path: numbers(cache.frames(entry)) for entry, path in enumerate(cache.paths)}
    assert by_name[str(folder / "a" / "0.mp4")] == list(range(5, 15))
    assert by_name[str(folder / "b" / "2.mp4")] == list(range(7, 17))


def test_clips_may_be_parts_of_files(folder, tmp_path):
    part = ClipFile(folder / "a" / "0.mp4", "a", "train", start=0.5, end=1.2)
    cache = FrameCache.build(ClipSet(("a",), (part,)), tmp_path / "cache", 48, 10, seconds=5)
    assert numbers(cache.frames(0)) == list(range(5, 12))


def test_the_same_is_reused_and_a_change_rebuilds(folder, tmp_path):
    clips = read_source(folder)

    def built(clip_set: ClipSet = clips, resolution: int = 16) -> int:
        FrameCache.build(clip_set, tmp_path / "cache", resolution, 5)
        return (tmp_path / "cache" / "frames.bin").stat().st_ino

    first = built()
    assert built() == first
    second = built(resolution=24)
    assert second != first
    assert built(read_source(folder, seed=9), 24) != second  # another split
    third = built(resolution=24)
    os.utime(folder / "a" / "1.mp4", (1, 1))
    assert built(resolution=24) != third
    assert sorted(file.name for file in tmp_path.iterdir()) == [".cache.lock", "cache"]


def test_bad_files_are_skipped_with_their_reason_and_the_good_ones_used(folder, tmp_path):
    root = tmp_path / "clips"
    for name in "ab":
        for k in range(3):
            (root / name).mkdir(parents=True, exist_ok=True)
            (root / name / f"{k}.mp4").write_bytes((folder / name / f"{k}.mp4").read_bytes())
    good = (folder / "a" / "0.mp4").read_bytes()
    bad = {"empty": b"", "text": b"hello", "noise": os.urandom(3000), "cut": good[: len(good) // 2]}
    for name, content in bad.items():
        (root / "a" / f"{name}.mp4").write_bytes(content)
    write_video(root / "b" / "still.mp4", numbered_frames(1), 10)
    cache = FrameCache.build(read_source(root), tmp_path / "cache", 16, 5)
    assert len(cache) == 6
    reasons = {Path(path).stem: reason for path, reason in cache.skipped}
    assert reasons.keys() == {*bad, "still"}
    assert reasons["empty"] == "empty file"
    assert reasons["still"].startswith("a single frame")


def test_no_clip_at_all_is_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.mp4").write_bytes(b"")
    with pytest.raises(CacheError, match=r"none of 1 clips decodes, e\.g\. .*1\.mp4: empty file"):
        FrameCache.build(read_source(tmp_path), tmp_path / "cache", 16, 5)
    assert not (tmp_path / "cache").exists()


def test_too_large_is_an_error_that_says_what_to_change(folder, tmp_path):
    with pytest.raises(CacheError, match="lower resolution, frames per second"):
        FrameCache.build(read_source(folder), tmp_path / "cache", 48, 10, max_bytes=100_000)
    assert [file.name for file in tmp_path.iterdir()] == [".cache.lock"]


def test_what_a_killed_builder_left_is_cleared(folder, tmp_path):
    left_by_a_killed_process(tmp_path, "cache/frames.bin")
    FrameCache.build(read_source(folder), tmp_path / "cache", 16, 5)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".cache.lock", "cache"]


def test_another_folder_is_never_overwritten(folder, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(CacheError, match="not a frame cache and not empty"):
        FrameCache.build(read_source(folder), tmp_path, 16, 5)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_open_refuses_what_is_no_cache(folder, tmp_path):
    with pytest.raises(CacheError, match="no frame cache"):
        FrameCache.open(tmp_path)
    cache = FrameCache.build(read_source(folder), tmp_path / "cache", 16, 5)
    with (cache.folder / "frames.bin").open("ab") as file:
        file.write(b"x")
    with pytest.raises(CacheError, match=r"frames\.bin holds"):
        FrameCache.open(cache.folder)
    FrameCache.build(read_source(folder), tmp_path / "cache", 16, 5)
    assert len(FrameCache.open(cache.folder)) == 8
    (cache.folder / "index.json").write_text(
        (cache.folder / "index.json").read_text().replace('"label": 1', '"label": 0')
    )
    with pytest.raises(CacheError, match=r"its checksum is another\); delete the folder"):
        FrameCache.open(cache.folder)
    (cache.folder / "index.json").write_text("{")
    with pytest.raises(CacheError, match="delete the folder"):
        FrameCache.open(cache.folder)


def flip(folder: Path, place: int) -> None:
    with (folder / "frames.bin").open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


def test_a_flipped_bit_is_noticed_and_that_clip_decoded_again(folder, tmp_path, caplog):
    part = ClipFile(folder / "a" / "1.mp4", "a", "val", start=0.5, end=1.2)
    clips = read_source(folder)
    clips = ClipSet(clips.labels, (*clips.clips, part))
    sound = FrameCache.build(clips, tmp_path / "cache", 16, 5)
    wanted = [sound.frames(entry).copy() for entry in range(len(sound))]
    file, size = sound.folder / "frames.bin", wanted[0].size
    before = file.stat().st_ino
    for place in (0, size + 7, file.stat().st_size - 1):
        flip(sound.folder, place)
    caplog.clear()
    again = FrameCache.build(clips, tmp_path / "cache", 16, 5)
    assert all((again.frames(entry) == wanted[entry]).all() for entry in range(len(again)))
    assert [record.args[1] for record in caplog.records] == [again.paths[entry] for entry in (0, 1, 8)]
    assert file.stat().st_ino == before


def test_what_cannot_be_decoded_again_says_what_to_delete(folder, tmp_path):
    clip = write_video(tmp_path / "a" / "1.mp4", numbered_frames(12))
    cache = FrameCache.build(ClipSet(("a",), (ClipFile(clip, "a"),)), tmp_path / "cache", 16, 5)
    flip(cache.folder, 5)
    clip.unlink()
    with pytest.raises(CacheError, match=r"1\.mp4 are damaged and cannot be .* \(No such file.*; delete the folder to"):
        cache.frames(0)


def build_counting(source: Path, cache: Path, results) -> None:
    decoded = []
    FrameCache.build(read_source(source), cache, 16, 5, progress=lambda done, total: decoded.append(done))
    results.put(len(decoded))


def test_two_processes_build_the_same_cache_once(folder, tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    arguments = (folder, tmp_path / "cache", results)
    processes = [context.Process(target=build_counting, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    decoded = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert decoded == [0, 8]
    assert len(FrameCache.open(tmp_path / "cache")) == 8


def test_several_workers_give_the_same_bytes_as_one(folder, tmp_path):
    clips = read_source(folder)
    many = ClipSet(clips.labels, clips.clips * 5)
    for name, workers in {"one": 1, "two": 2}.items():
        FrameCache.build(many, tmp_path / name, 16, 5, workers=workers)
    one, two = (json.loads((tmp_path / name / "index.json").read_text()) for name in ("one", "two"))
    assert one == two
    assert (tmp_path / "one" / "frames.bin").read_bytes() == (tmp_path / "two" / "frames.bin").read_bytes()
