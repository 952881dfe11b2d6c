"""Checking and indexing sets of clips with bad files among good ones."""

import argparse
import csv
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from movinet.__main__ import main
from movinet.data import cli
from movinet.data.cache import FrameCache
from movinet.data.sets.check import inspect, inspect_clip, report
from movinet.data.sources.source import read_source
from movinet.data.sources.tfrecord import framed
from movinet.data.video.records import clip_record
from tests.support.clip_files import numbered_frames, write_video

GOOD, BAD = 30, 21


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """30 good clips and 21 bad ones: seven ways to be bad, three of each."""
    root = tmp_path_factory.mktemp("clips")
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), dtype=np.uint8)
    content = write_video(root / "made" / "good.mp4", noise).read_bytes()
    still = write_video(root / "made" / "still.mp4", noise[:1]).read_bytes()
    begun = write_video(root / "made" / "begun.mkv", noise).read_bytes()
    rng = np.random.default_rng(1)
    bad = {
        "truncated.mp4": lambda: content[: int(len(content) * rng.uniform(0.1, 0.95))],
        "begun.mkv": lambda: begun[: int(len(begun) * rng.uniform(0.3, 0.9))],
        "zero.mp4": lambda: b"",
        "random.mp4": lambda: rng.bytes(2000),
        "renamed.txt": lambda: content,
        "text.mp4": lambda: b"<html>404</html>",
        "still.mp4": lambda: still,
    }
    for name in "ab":
        (root / "set" / name).mkdir(parents=True)
    for number in range(GOOD):
        (root / "set" / "ab"[number % 2] / f"good{number}.mp4").write_bytes(content)
    for number in range(3):
        for name, make in bad.items():
            (root / "set" / "ab"[number % 2] / f"bad{number}{name}").write_bytes(make())
    return root / "set"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return cli.main(parser.parse_args([str(argument) for argument in arguments]))


def test_every_bad_clip_is_reported_and_every_good_one_used(mixed, tmp_path, capsys):
    output = tmp_path / "reports" / "report.json"
    assert run("check", mixed, "--report", output) == 0
    result = json.loads(output.read_text())
    assert result["good"] == GOOD
    assert sorted(Path(bad["path"]).name[:4] for bad in result["bad"]) == ["bad0"] * 7 + ["bad1"] * 7 + ["bad2"] * 7
    assert all(bad["reason"] for bad in result["bad"])
    assert f"{GOOD} clips are good, {BAD} are not" in capsys.readouterr().out
    assert [file.name for file in output.parent.iterdir()] == ["report.json"]
    cache = FrameCache.build(read_source(mixed), tmp_path / "cache", 16, 5)
    assert sum("good" in path for path in cache.paths) == GOOD


def test_clips_without_labels_are_checked_too(mixed, tmp_path, capsys):
    for number, file in enumerate(sorted(path for path in mixed.rglob("*") if path.is_file())):
        (tmp_path / "flat").mkdir(exist_ok=True)
        (tmp_path / "flat" / f"{number}{file.suffix}").write_bytes(file.read_bytes())
    assert run("check", tmp_path / "flat", "--report", tmp_path / "report.json") == 0
    result = json.loads((tmp_path / "report.json").read_text())
    assert (result["good"], len(result["bad"])) == (GOOD, BAD)


def test_an_interrupted_check_goes_on(mixed, tmp_path):
    found = read_source(mixed)
    journal = tmp_path / "journal"

    def stop_at_ten(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inspect(found, journal, workers=1, progress=stop_at_ten)
    with journal.open("a") as file:
        file.write('\n["torn')
    counts = []
    facts = inspect(found, journal, workers=1, progress=lambda done, total: counts.append((done, total)))
    assert counts == [(done, len(found.clips)) for done in range(11, len(found.clips) + 1)]
    assert report(facts) == report(inspect(found))


def test_what_changed_is_inspected_again(tmp_path):
    clip = write_video(tmp_path / "a" / "1.mp4", numbered_frames(5))
    found, journal = read_source(tmp_path), tmp_path / "journal"
    assert inspect(found, journal)[0].problem is None
    clip.write_bytes(b"")
    assert inspect(found, journal)[0].problem == "empty file"


def test_an_index_tells_the_facts_and_is_a_source(tmp_path):
    for label, frames, rate in (("a", 20, 10), ("b", 30, 25)):
        for k in range(4):
            write_video(tmp_path / label / f"{k}.mp4", numbered_frames(frames), rate)
    output = tmp_path / "index" / "clips.csv"
    assert run("index", tmp_path, output, "--workers", 1) == 0
    rows = list(csv.DictReader(output.open()))
    assert [(row["label"], row["seconds"], row["frames"], row["frames_per_second"]) for row in rows] == [
        *[("a", "2.0", "20", "10.0")] * 4,
        *[("b", "1.2", "30", "25.0")] * 4,
    ]
    assert {(row["width"], row["height"], row["codec"], row["problem"]) for row in rows} == {("64", "48", "h264", "")}
    assert {int(row["bytes"]) for row in rows} == {path.stat().st_size for path in tmp_path.glob("?/*.mp4")}
    assert all(len(row["sha256"]) == 64 for row in rows)
    again, direct = read_source(output), read_source(tmp_path)
    assert [(os.path.realpath(clip.path), clip.label, clip.split) for clip in again.clips] == [
        (os.path.realpath(clip.path), clip.label, clip.split) for clip in direct.clips
    ]


def test_an_index_of_records_and_pictures_is_a_source(tmp_path):
    frames = numbered_frames(12)
    for number in range(2):
        folder = tmp_path / "pictures" / "a" / str(number)
        folder.mkdir(parents=True)
        for place, frame in enumerate(frames):
            Image.fromarray(frame).save(folder / f"{place}.png")
    payload = clip_record(frames, [k / 10 for k in range(12)], 10, "b", 1, "one")
    (tmp_path / "train.tfrecord").write_bytes(framed(payload) * 2)
    for source, options, count in (("pictures", ["--frame-rate", 8], 2), ("train.tfrecord", [], 2)):
        output = tmp_path / "index" / f"{source}.csv"
        assert run("index", tmp_path / source, output, "--workers", 1, *options) == 0
        rows = list(csv.DictReader(output.open()))
        assert [(row["frames"], row["problem"], row["width"]) for row in rows] == [("12", "", "64")] * count
        again, direct = read_source(output), read_source(tmp_path / source, frames_per_second=8 if options else None)
        assert [
            (os.path.realpath(c.path), c.offset, c.key, c.label, c.split, c.frames_per_second) for c in again.clips
        ] == [(os.path.realpath(c.path), c.offset, c.key, c.label, c.split, c.frames_per_second) for c in direct.clips]
    hashes = {row["sha256"] for row in rows}
    assert hashes == {hashlib.sha256(payload).hexdigest()}


def test_an_index_names_what_is_listed_and_not_there(tmp_path):
    write_video(tmp_path / "set" / "1.mp4", numbered_frames(5))
    (tmp_path / "set" / "labels.csv").write_text("path,label\n1.mp4,a\nclips/gone.mp4,a\n")
    assert run("index", tmp_path / "set", tmp_path / "index" / "x.csv", "--workers", 1) == 0
    rows = [(row["path"], row["problem"]) for row in csv.DictReader((tmp_path / "index" / "x.csv").open())]
    assert rows == [("../set/1.mp4", ""), ("clips/gone.mp4", "listed, but not there")]


def test_many_missing_clips_are_a_count_and_three_examples(tmp_path, capsys):
    write_video(tmp_path / "there.mp4", numbered_frames(5))
    rows = ["there.mp4,a", *(f"gone{number:03d}.mp4,a" for number in range(300))]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    assert run("check", tmp_path, "--workers", 1, "--report", tmp_path / "report.json") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("300 clips: listed, but not there, e.g. gone000.mp4, gone001.mp4, gone002.mp4; all in ")
    assert told[1] == "1 clips are good, 300 are not"
    assert len(json.loads((tmp_path / "report.json").read_text())["bad"]) == 300


def test_bad_options_are_named(tmp_path):
    with pytest.raises(ValueError, match="--workers 0 is not allowed"):
        run("check", tmp_path, "--workers", 0)
    with pytest.raises(ValueError, match="no labelled clips found"):
        run("check", tmp_path)


def test_a_place_that_cannot_be_written_is_one_line(mixed, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["data", "check", str(mixed), "--report", str(tmp_path / "file" / "report.json")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert str(tmp_path / "file") in error
    assert len(error.splitlines()) == 1


def test_parts_of_a_video_are_measured_and_indexed_each(tmp_path, capsys):
    """Frames 0 to 19 at 10 a second; two parts of one class, one of another."""
    for name in ("a", "b"):
        write_video(tmp_path / "clips" / f"{name}.mp4", numbered_frames(20), 10)
    rows = ["path,label,start,end", *(f"{x}.mp4,{y},{z}" for x in "ab" for y, z in (("run", "0,0.5"), ("run", "1,2")))]
    (tmp_path / "clips" / "labels.csv").write_text("\n".join([*rows, "a.mp4,sit,0.5,1", "b.mp4,sit,5,6"]) + "\n")
    assert main(["data", "index", str(tmp_path / "clips"), str(tmp_path / "index.csv"), "--workers", "1"]) == 0
    facts = inspect(read_source(tmp_path / "clips"), workers=1)
    found = {(each.path[-5:], each.label, each.start): (each.frames, each.seconds, each.problem) for each in facts}
    assert found["a.mp4", "run", 0.0] == (5, 0.5, None)
    assert found["a.mp4", "run", 1.0] == (10, 1.0, None)
    assert found["b.mp4", "sit", 5.0] == (None, None, "no frame between 5 s and 6 s")
    again = read_source(tmp_path / "index.csv")
    assert {(clip.path.name, clip.label, clip.start, clip.end) for clip in again.clips} == {
        (clip.path.name, clip.label, clip.start, clip.end) for clip in read_source(tmp_path / "clips").clips
    }
    assert main(["data", "reduce", str(tmp_path / "clips"), str(tmp_path / "few"), "--workers", "1"]) == 0
    lengths = sorted(inspect_clip(clip).frames or 0 for clip in read_source(tmp_path / "few").clips)
    assert lengths == [5, 5, 5, 10, 10]


def test_names_that_are_no_text_or_steer_a_terminal_end_nothing(tmp_path, capsys):
    clip = write_video(tmp_path / "v.mp4", numbered_frames(4)).read_bytes()
    names = [b"walk/1.mp4", b"walk/caf\xe9.mp4", b"run/2.mp4", b"run/red\x1b[31m.mp4", b"caf\xe9/3.mp4"]
    for name in names:
        path = os.path.join(os.fsencode(tmp_path / "clips"), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(clip if b"red" not in name else b"no video")
    report_file = tmp_path / "report.json"
    assert main(["data", "check", str(tmp_path / "clips"), "--report", str(report_file), "--workers", "1"]) == 0
    told = capsys.readouterr().out
    assert "its name is not in UTF-8; rename it" in told
    assert "\x1b" not in told
    assert "\\x1b[31m" in told
    assert json.loads(report_file.read_text())["good"] == 2
    assert len(json.loads(report_file.read_text())["bad"]) == 3
    assert main(["data", "index", str(tmp_path / "clips"), str(tmp_path / "index.csv"), "--workers", "1"]) == 0
    assert len(read_source(tmp_path / "index.csv").clips) == 3
