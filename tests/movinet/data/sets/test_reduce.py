"""A small set from a large one: which clips, what becomes of them, and that an interrupted run ends the same."""

import csv
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movinet.data.cache import FrameCache
from movinet.data.sets.check import inspect, report
from movinet.data.sets.choice import Choice, ChoiceError, _shares, choose, read_clip_counts, read_ids, read_labels
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sets.reduce import ReduceError, Reduction, reduce
from movinet.data.sources.clip_set import ClipFile, ClipSet
from movinet.data.sources.source import read_source
from movinet.data.video.frames import read_frames
from tests.support.clip_files import numbered_frames, numbers, write_video
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    """Twelve classes of three clips to train on and one to validate with, 2 s of 64 x 64 pixels at 12 per second."""
    return synthesize(tmp_path_factory.mktemp("shapes") / "all", MovingShapes(train_clips=3, val_clips=1), workers=1)


def made_up(**counts: tuple[int, int]) -> ClipSet:
    """A set of clips that need not exist: of each class (to train on, to validate with)."""
    clips = [
        ClipFile(Path(f"/k/{label}/{label}{number:010d}_000001_000011.mp4"), label, split)
        for label, pair in counts.items()
        for split, count, first in zip(("train", "val"), pair, (0, 1000), strict=True)
        for number in range(first, first + count)
    ]
    return ClipSet(tuple(sorted(counts)), tuple(clips))


def taken(clip_set: ClipSet, **choice) -> dict[tuple[str, str], list[str]]:
    groups, _ = choose(clip_set, Choice(**choice))
    return {(group.label, group.split): [clip.name for clip in group.clips[: group.wanted]] for group in groups}


def test_classes_are_those_with_the_most_training_clips():
    clips = made_up(a=(5, 9), b=(7, 1), c=(6, 1), d=(7, 2))
    assert {label for label, _ in taken(clips, classes=2)} == {"b", "d"}
    assert {label for label, _ in taken(clips, classes=3)} == {"b", "c", "d"}
    drawn = {frozenset(label for label, _ in taken(clips, classes=2, at_random=True, seed=s)) for s in range(20)}
    assert len(drawn) > 3
    assert {label for label, _ in taken(clips, labels=("c", "a"))} == {"a", "c"}


def test_the_same_seed_takes_the_same_clips_whatever_else_is_there():
    few, many = made_up(a=(40, 10), b=(40, 10)), made_up(a=(40, 10), b=(40, 10), c=(90, 1))
    first = taken(few, clips=10, seed=1)
    assert {group: len(names) for group, names in first.items()} == {
        ("a", "train"): 8, ("a", "val"): 2, ("b", "train"): 8, ("b", "val"): 2,
    }  # fmt: skip
    assert taken(ClipSet(few.labels, few.clips[::-1]), clips=10, seed=1) == first
    again = taken(many, clips=10, seed=1)
    assert {group: again[group] for group in first} == first
    assert taken(few, clips=10, seed=2) != first


@given(st.integers(1, 200), st.dictionaries(st.sampled_from(["train", "val", "test"]), st.integers(1, 90), min_size=1))
def test_clips_are_shared_out_over_the_splits_as_they_are(clips, sizes):
    shares = _shares(clips, sizes)
    total = min(clips, sum(sizes.values()))
    assert sum(shares.values()) == total
    assert all(0 <= shares[split] <= size for split, size in sizes.items())
    if clips >= len(sizes):
        assert all(shares.values())
    assert all(abs(shares[split] - total * size / sum(sizes.values())) < 2 for split, size in sizes.items())


def test_counts_per_split_as_in_mini_kinetics():
    assert read_clip_counts("400") == 400
    counts = read_clip_counts("train=4,val=2")
    found = taken(made_up(a=(9, 9), b=(3, 3)), clips=counts)
    assert {group: len(names) for group, names in found.items()} == {
        ("a", "train"): 4, ("a", "val"): 2, ("b", "train"): 3, ("b", "val"): 2,
    }  # fmt: skip
    for wrong in ("0", "-3", "many", "train=4,5", "train=0", "dev=4", ""):
        with pytest.raises(ChoiceError, match="--clips .* is not allowed; allowed: a number >= 1, or train=400,val=25"):
            read_clip_counts(wrong)


def test_lists_of_ids(tmp_path):
    clips = made_up(a=(5, 5), b=(5, 5))
    (tmp_path / "val_ytid_list.txt").write_text("a0000001001\nb0000001003\n\nabsent00000\n")
    (tmp_path / "mine.txt").write_text("a0000000002_000001_000011.mp4\n")
    groups, absent = choose(clips, Choice(ids=read_ids([tmp_path / "val_ytid_list.txt", tmp_path / "mine.txt"])))
    found = {(g.label, g.split): [clip.name[:11] for clip in g.clips] for g in groups}
    assert found == {("a", "train"): ["a0000000002"], ("a", "val"): ["a0000001001"], ("b", "val"): ["b0000001003"]}
    assert absent == ["absent00000"]


def test_lists_that_hold_nothing_are_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ChoiceError, match=r"empty\.txt: no ids; allowed"):
        read_ids([tmp_path / "empty.txt"])
    with pytest.raises(ChoiceError, match=r"empty\.txt: no classes; allowed"):
        read_labels(tmp_path / "empty.txt")


def test_few_shot_lists_split_by_class(tmp_path):
    clips = made_up(**{"riding a bike": (3, 0), "b": (3, 0)})
    (tmp_path / "train.list").write_text("b/b0000000001_000001_000011\n")
    (tmp_path / "test.list").write_text("riding_a_bike/riding a bike0000000002_000001_000011\n")
    groups, absent = choose(clips, Choice(ids=read_ids([tmp_path / "train.list", tmp_path / "test.list"])))
    assert [(g.label, g.split, len(g.clips)) for g in groups] == [("b", "train", 1), ("riding a bike", "test", 1)]
    assert not absent


def test_what_the_source_lacks_is_an_error():
    clips = made_up(a=(2, 1), b=(2, 1))
    with pytest.raises(ChoiceError, match="--classes 3 is not allowed; allowed: 1 to 2"):
        choose(clips, Choice(classes=3))
    with pytest.raises(ChoiceError, match="'x' is no class of the source; it has a, b"):
        choose(clips, Choice(labels=("a", "x")))
    with pytest.raises(ChoiceError, match="no clip is chosen; 1 ids are not in the source"):
        choose(clips, Choice(ids=(("x", "", ""),)))
    with pytest.raises(ReduceError, match="--format gif is not allowed; allowed: mp4, tfrecord"):
        Reduction(format="gif")


@pytest.mark.parametrize("kind", ["mp4", "tfrecord"])
def test_a_reduced_set_is_a_source(shapes, tmp_path, kind):
    reduction = Reduction(Choice(classes=3, clips=3), short_side=32, frames_per_second=6, seconds=1, format=kind)
    result = reduce(read_source(shapes), tmp_path / "small", reduction, workers=1)
    found = read_source(tmp_path / "small")
    assert result["clips"] == len(found.clips) == 9
    assert result["counts"] == {label: {"train": 2, "val": 1} for label in found.labels}
    assert not result["skipped"]
    assert Counter(clip.split for clip in found.clips) == {"train": 6, "val": 3}
    facts = {each.key or Path(each.path).stem: each for each in inspect(found, hashed=True, workers=1)}
    rows = list(csv.DictReader((tmp_path / "small" / "manifest.csv").open()))
    for row in rows:
        fact = facts[row["key"]]
        assert fact.problem is None
        assert (fact.frames, fact.seconds, fact.width, fact.height) == (6, 1.0, 32, 32)
        assert (row["sha256"], int(row["bytes"])) == (fact.sha256, fact.bytes)
    cache = FrameCache.build(found, tmp_path / "small cache", 32, 6, workers=1)
    sources = {row["key"]: row["source"] for row in rows}
    originals = ClipSet(
        found.labels,
        tuple(ClipFile(Path(sources[clip.name]), clip.label, clip.split) for clip in found.clips),
    )
    direct = FrameCache.build(originals, tmp_path / "cache", 32, 6, seconds=1, workers=1)
    assert (cache.label_indices == direct.label_indices).all()
    for entry in range(9):
        difference = cache.frames(entry).astype(int) - direct.frames(entry)
        assert abs(difference).mean() < 8  # of 255, by H.264 or JPEG
    if kind == "tfrecord":
        (tmp_path / "small" / "manifest.csv").unlink()  # the shards alone tell the same
        assert set(read_source(tmp_path / "small").clips) == set(found.clips)


@pytest.fixture
def mixed(tmp_path) -> Path:
    """Two classes: four good clips each, and bad ones among them."""
    for label in "ab":
        for number in range(4):
            write_video(tmp_path / "set" / label / f"{number}.mp4", numbered_frames(20), 10)
    for name in ("0x", "1x", "2x"):
        (tmp_path / "set" / "a" / f"{name}.mp4").write_bytes(b"no video")
    return tmp_path / "set"


def test_clips_that_do_not_decode_are_told_and_replaced(mixed, tmp_path):
    source = read_source(mixed, val_share=0.1)
    for seed in range(4):
        choice = Choice(clips={"train": 3}, seed=seed)
        result = reduce(source, tmp_path / f"small{seed}", Reduction(choice), workers=1)
        assert result["counts"]["b"] == {"train": 3}
        assert result["counts"]["a"]["train"] == 3
        assert {Path(each["path"]).name[1:] for each in result["skipped"]} <= {"x.mp4"}
        assert all("not a video" in each["reason"] for each in result["skipped"])
    everything = reduce(source, tmp_path / "all", Reduction(), workers=1)
    assert (everything["clips"], len(everything["skipped"])) == (8, 3)


def test_names_that_would_meet_are_kept_apart(tmp_path):
    for split in ("train", "val"):
        for k in range(2):
            write_video(tmp_path / "set" / split / "a b" / "1.mp4", numbered_frames(5 + k))
            write_video(tmp_path / "set" / split / "a b" / "deep" / "1.avi", numbered_frames(9), codec="mpeg4")
    result = reduce(read_source(tmp_path / "set"), tmp_path / "small", Reduction(), workers=1)
    assert result["clips"] == len(list((tmp_path / "small").rglob("*.mp4"))) == 4
    assert report(inspect(read_source(tmp_path / "small"), workers=1)) == {"good": 4, "bad": []}


def test_a_label_cannot_leave_the_folder(tmp_path):
    clip = write_video(tmp_path / "1.mp4", numbered_frames(5))
    source = ClipSet(("../../up",), (ClipFile(clip, "../../up"), ClipFile(clip, "../../up", "val")))
    reduce(source, tmp_path / "a" / "b" / "small", Reduction(), workers=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.mp4", "a"]
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["small"]
    assert read_source(tmp_path / "a" / "b" / "small").labels == ("../../up",)


def test_rate_and_length_are_kept_where_nothing_is_asked(tmp_path):
    write_video(tmp_path / "set" / "a" / "1.mp4", numbered_frames(30, 47 + 1, 66), 15)
    write_video(tmp_path / "set" / "a" / "2.mp4", numbered_frames(24), 24)
    reduce(read_source(tmp_path / "set"), tmp_path / "small", Reduction(), workers=1)
    facts = {Path(each.path).stem: each for each in inspect(read_source(tmp_path / "small"), workers=1)}
    assert [facts[name].frames for name in "12"] == [30, 24]
    assert [facts[name].frames_per_second for name in "12"] == pytest.approx([15, 24], rel=1e-3)
    assert numbers(read_frames(tmp_path / "small" / "a" / "1.mp4", 15)) == list(range(30))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["mp4", "tfrecord"])
def test_an_interrupted_run_goes_on_and_ends_the_same(shapes, tmp_path, kind, monkeypatch):
    monkeypatch.setattr("movinet.data.sets.shard_writer.CLIPS_PER_SHARD", 5)
    source, reduction = read_source(shapes), Reduction(Choice(classes=4), 24, 4, 1, kind)
    reduce(source, tmp_path / "whole", reduction, workers=1)

    def stop(done: int, total: int) -> None:
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reduce(source, tmp_path / "cut", reduction, workers=1, progress=stop)
    with (tmp_path / "cut" / "unfinished.jsonl").open("a") as file:
        file.write('\n{"name": "tor')
    for part in (tmp_path / "cut").glob("*.part"):
        with part.open("ab") as file:
            file.write(b"half a record")
    seen = []
    reduce(source, tmp_path / "cut", reduction, workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 16) for done in range(10, 17)]
    assert content(tmp_path / "cut") == content(tmp_path / "whole")
    seen.clear()
    reduce(source, tmp_path / "cut", reduction, progress=lambda *counts: seen.append(counts))
    assert not seen  # done is done


def test_a_killed_command_goes_on(shapes, tmp_path):
    command = [sys.executable, "-m", "movinet", "data", "reduce", str(shapes), str(tmp_path / "small")]
    command += ["--short-side", "32", "--workers", "1"]
    root = ROOT
    first = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    journal = tmp_path / "small" / "unfinished.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_text().count("\n") >= 3) and time.monotonic() < deadline:
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "small").rglob("*.mp4")}
    noted = [json.loads(line)["path"] for line in journal.read_text().splitlines()[1:-1]]
    assert 2 <= len(noted) < 48
    again = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert "48 clips of 12 classes" in again.stdout
    kept = [tmp_path / "small" / name for name in noted]
    assert all(path.stat().st_mtime_ns == before[path] for path in kept)  # not encoded again
    assert len(list((tmp_path / "small").rglob("*.mp4"))) == 48
    assert not journal.exists()


def test_an_interrupted_run_replaces_what_the_whole_one_does(mixed, tmp_path):
    source, reduction = (
        read_source(mixed, val_share=0.1),
        Reduction(Choice(clips={"train": 3}), 16, 5, None, "tfrecord"),
    )
    whole = reduce(source, tmp_path / "whole", reduction, workers=1)
    assert whole["skipped"]
    for cut in range(1, 6 + len(whole["skipped"])):

        def stop(done: int, total: int, cut: int = cut) -> None:
            if done == cut:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            reduce(source, tmp_path / str(cut), reduction, workers=1, progress=stop)
        reduce(source, tmp_path / str(cut), reduction, workers=1)
        assert content(tmp_path / str(cut)) == content(tmp_path / "whole")


def test_foreign_folders_and_other_settings_are_refused(shapes, tmp_path):
    source = read_source(shapes)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ReduceError, match=r"is not empty and holds no manifest\.json"):
        reduce(source, tmp_path, Reduction())
    few = Reduction(Choice(classes=1, clips=2), 16, 2)
    reduce(source, tmp_path / "small", few, workers=1)
    with pytest.raises(ReduceError, match="holds another reduction"):
        reduce(source, tmp_path / "small", Reduction(Choice(classes=1, clips=3), 16, 2), workers=1)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_several_processes_write_what_one_writes(shapes, tmp_path):
    for workers in (1, 2):
        reduce(read_source(shapes), tmp_path / str(workers), Reduction(Choice(), 16, 2, format="tfrecord"), workers)
    assert content(tmp_path / "1") == content(tmp_path / "2")
    assert np.sum([clip.offset == 0 for clip in read_source(tmp_path / "1").clips]) == 2  # a shard for each split
