"""Clips as folders of pictures: found, ordered, timed and read as videos are."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from movinet.data.cache import FrameCache
from movinet.data.sets.check import inspect
from movinet.data.sources.clip_set import SourceError, pictures
from movinet.data.sources.source import read_source
from movinet.data.video.file import VideoError
from movinet.data.video.frames import decode
from movinet.data.video.image_sequence import ImageSequence
from tests.support.clip_files import numbered_frames, numbers, write_video


def write_frames(folder: Path, frames: np.ndarray, name: str = "{:05}.png") -> Path:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, 1):
        Image.fromarray(frame).save(folder / name.format(number))
    return folder


def test_class_folders_of_frame_folders(tmp_path):
    for k in range(4):
        write_frames(tmp_path / "a" / f"clip.{k}", numbered_frames(30 + k)[k:])
        write_frames(tmp_path / "b" / "deeper" / f"clip{k}", numbered_frames(30), "img_{}.jpg")
    write_video(tmp_path / "b" / "film.mp4", numbered_frames(20))
    Image.fromarray(numbered_frames(1)[0]).save(tmp_path / "a" / "cover.jpg")
    found = read_source(tmp_path, frames_per_second=10)
    assert found.labels == ("a", "b")
    assert sorted(clip.name for clip in found.clips) == sorted(
        [*(f"clip.{k}" for k in range(4)), *(f"clip{k}" for k in range(4)), "film"]
    )
    assert [path.name for path in found.ignored] == ["cover.jpg"]
    cache = FrameCache.build(found, tmp_path / "cache", 24, 5, seconds=1)
    assert len(cache) == 9
    by_name = {Path(path).name: numbers(cache.frames(entry)) for entry, path in enumerate(cache.paths)}
    assert by_name["clip.2"] == [12, 14, 16, 18, 20]  # of 3 s the middle one
    assert by_name["clip1"] == [10, 12, 14, 16, 18]


def test_numbers_in_names_order_the_frames(tmp_path):
    write_frames(tmp_path / "clip", numbered_frames(12), "frame {}.png")
    assert [path.stem for path in pictures(tmp_path / "clip")] == [f"frame {number}" for number in range(1, 13)]
    with ImageSequence.of_folder(tmp_path / "clip", 10) as clip:
        np.testing.assert_array_equal(decode(clip, 10).frames, numbered_frames(12))


def test_the_rate_comes_from_the_table_the_caller_or_is_25(tmp_path):
    for name in ("1", "2", "3"):
        write_frames(tmp_path / "frames" / name, numbered_frames(10))
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = [("path", "label", "split", "frames_per_second"), ("frames/1", "a", "train", "5")]
        csv.writer(file).writerows([*rows, ("frames/2", "a", "val", ""), ("frames/3", "b", "train", "")])
    lengths = [facts.seconds for facts in inspect(read_source(tmp_path))]
    assert lengths == [2.0, 0.4, 0.4]
    assert [facts.seconds for facts in inspect(read_source(tmp_path, frames_per_second=20))] == [2.0, 0.5, 0.5]
    (tmp_path / "labels.csv").write_text("path,label,frames_per_second\nframes/1,a,fast\n")
    with pytest.raises(SourceError, match=r"labels\.csv: row .*fast"):
        read_source(tmp_path)
    with pytest.raises(SourceError, match="frames_per_second=0 is not allowed"):
        read_source(tmp_path, frames_per_second=0)


def test_kinetics_lists_find_frame_folders(tmp_path):
    write_frames(tmp_path / "riding a bike" / "-0a1B2c3D4e_000417_000427", numbered_frames(3))
    (tmp_path / "val.csv").write_text(
        "label,youtube_id,time_start,time_end,split\nriding a bike,-0a1B2c3D4e,417,427,val\n"
    )
    assert [clip.path.name for clip in read_source(tmp_path).clips] == ["-0a1B2c3D4e_000417_000427"]


def test_a_moment_is_read_from_its_picture_on(tmp_path):
    folder = write_frames(tmp_path / "clip", numbered_frames(20))
    clip = ImageSequence.of_folder(folder, 10)
    assert numbers(decode(clip, times=[1.05, 0.3, 2.1]).frames) == [10, 3, 1]  # the last one wraps round
    assert [round(time, 1) for time, _ in clip.frames(1.25)][:2] == [1.2, 1.3]


def test_broken_pictures_are_left_out_and_told(tmp_path):
    folder = write_frames(tmp_path / "a" / "clip", numbered_frames(10))
    (folder / "00004.png").write_bytes((folder / "00004.png").read_bytes()[:60])
    (facts,) = inspect(read_source(tmp_path, frames_per_second=10), hashed=True)
    assert (facts.problem, facts.frames, facts.codec) == ("damaged pictures: 1", 9, "png")
    assert facts.bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert numbers(decode(ImageSequence.of_folder(folder, 10), 10).frames) == [0, 1, 2, 2, 4, 5, 6, 7, 8, 9]
    for file in folder.iterdir():
        file.write_bytes(b"")
    with pytest.raises(VideoError, match="no picture decodes"):
        decode(ImageSequence.of_folder(folder), 10)
