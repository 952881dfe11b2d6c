"""Which clips a folder or list holds, and in which split."""

import csv
import os
from pathlib import Path

import pytest

from movinet.data.sources.clip_set import ClipSet
from movinet.data.sources.source import read_source
from tests.support.paths import ROOT

CLIPS = ROOT.parent / "shared" / "clips"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def write_rows(file: Path, *rows: tuple) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as text:
        csv.writer(text).writerows(rows)


def names(clip_set: ClipSet, split: str) -> list[tuple[str, str]]:
    return sorted((clip.path.name, clip.label) for clip in clip_set.split(split))


KINETICS = ("label", "youtube_id", "time_start", "time_end", "split")


def test_kinetics_with_its_quirks(tmp_path):
    write_rows(
        tmp_path / "train.csv",
        (*KINETICS, "is_cc"),
        ("riding a bike", "-0a1B2c3D4e", 417, 427, "train", 0),
        ("passing American football (in game)", "00000000001", 0, 10, "train", 0),
        ("riding a bike", "absent00000", 5, 15, "train", 1),
    )
    write_rows(
        tmp_path / "validate.csv",
        KINETICS,
        ("massaging person's head", "00000000002", 23770, 23780, "validate"),
        ('"cooking/baking"', "00000000003", 1, 11, "validate"),
    )
    write_rows(tmp_path / "test.csv", KINETICS[1:], ("00000000004", 0, 10, "test"))
    touch(
        tmp_path,
        "riding a bike/-0a1B2c3D4e_000417_000427.mp4",
        "clips/passing_American_football_(in_game)/00000000001_000000_000010.mkv",
        "val/00000000002_023770_023780.mp4",
        "00000000003_000001_000011.mp4",
        "test/00000000004_000000_000010.mp4",
    )
    found = read_source(tmp_path)
    assert found.labels == (
        "cooking/baking",
        "massaging person's head",
        "passing American football (in game)",
        "riding a bike",
    )
    assert names(found, "train") == [
        ("-0a1B2c3D4e_000417_000427.mp4", "riding a bike"),
        ("00000000001_000000_000010.mkv", "passing American football (in game)"),
    ]
    assert names(found, "val") == [
        ("00000000002_023770_023780.mp4", "massaging person's head"),
        ("00000000003_000001_000011.mp4", "cooking/baking"),
    ]
    assert found.missing == ("riding a bike/absent00000_000005_000015",)
    assert found.unlabelled == 1


def test_kinetics_prefers_the_file_in_the_labels_own_folder(tmp_path):
    write_rows(
        tmp_path / "all.csv", KINETICS, ("a b", "00000000001", 0, 10, "train"), ("c", "00000000001", 0, 10, "val")
    )
    touch(tmp_path, "c/00000000001_000000_000010.mp4", "a_b/00000000001_000000_000010.mp4")
    clips = {clip.label: clip.path.parent.name for clip in read_source(tmp_path).clips}
    assert clips == {"a b": "a_b", "c": "c"}


def test_kinetics_files_named_by_id_alone(tmp_path):
    write_rows(
        tmp_path / "annotations" / "val.csv", KINETICS, *[("a", f"0000000000{i}", 0, 10, "val") for i in range(4)]
    )
    touch(tmp_path, *[f"0000000000{i}.mp4" for i in range(4)])
    assert len(read_source(tmp_path).split("val")) == 4


def test_a_table_of_paths_and_labels(tmp_path):
    touch(tmp_path, "x/1.mp4", "x/2.mp4", "y/1.avi", "y/2.mp4")
    rows = [
        ("x/1.mp4", "up", "Train"),
        ("x/2.mp4", "up", "validation"),
        ("y/1.avi", "down", "train"),
        ("gone.mp4", "up", ""),
    ]
    write_rows(tmp_path / "labels.csv", ("Path", "label", "split"), *rows)
    found = read_source(tmp_path)
    assert found == read_source(tmp_path / "labels.csv")
    assert names(found, "train") == [("1.avi", "down"), ("1.mp4", "up")]
    assert names(found, "val") == [("2.mp4", "up")]
    assert found.missing == ("gone.mp4",)


def test_lists_of_path_and_label(tmp_path):
    touch(tmp_path, "a clip.mp4", "b.mp4", "c.mp4")
    (tmp_path / "tiny_train_list_videos.txt").write_text("a clip.mp4 0\nb.mp4 1\n")
    (tmp_path / "tiny_val_list_videos.txt").write_text("c.mp4 1\n")
    (tmp_path / "notes.txt").write_text("nothing to see\n")
    found = read_source(tmp_path)
    assert names(found, "train") == [("a clip.mp4", "0"), ("b.mp4", "1")]
    assert names(found, "val") == [("c.mp4", "1")]


def test_class_folders_are_split_by_seed_within_each_class(tmp_path):
    touch(tmp_path, *[f"{name}/{i:02}.mp4" for name, count in {"a": 12, "b": 4, "c": 1}.items() for i in range(count)])
    touch(tmp_path, "a/notes.txt", ".hidden/1.mp4", "a/.DS_Store", "README.md")
    found = read_source(tmp_path, val_share=0.25, seed=3)
    assert found.labels == ("a", "b", "c")
    assert [sum(clip.label == name for clip in found.split("val")) for name in "abc"] == [3, 1, 0]
    assert found == read_source(tmp_path, val_share=0.25, seed=3)
    assert found.split("val") != read_source(tmp_path, val_share=0.25, seed=4).split("val")
    assert [file.name for file in found.ignored] == ["notes.txt"]
    touch(tmp_path, "d/1.mp4", "d/2.mp4")  # another class changes nothing for the first three
    again = read_source(tmp_path, val_share=0.25, seed=3)
    assert [clip for clip in again.split("val") if clip.label != "d"] == list(found.split("val"))


@pytest.mark.parametrize("word", ["test", "testing"])
def test_a_test_split_is_never_validated_with(tmp_path, word):
    """Nothing is chosen by it: without a split for that, some of the training clips are held out."""
    clips = [f"{label}/{number}.mp4" for label in "ab" for number in range(4)]
    touch(tmp_path / "folders", *(f"train/{clip}" for clip in clips), f"{word}/a/8.mp4", f"{word}/b/9.mp4")
    touch(tmp_path / "listed", *clips, "a/8.mp4", "b/9.mp4")
    rows = [(clip, clip[0], "train") for clip in clips] + [("a/8.mp4", "a", word), ("b/9.mp4", "b", word)]
    write_rows(tmp_path / "listed" / "labels.csv", ("path", "label", "split"), *rows)
    for found in (read_source(tmp_path / "folders"), read_source(tmp_path / "listed")):
        assert names(found, "test") == [("8.mp4", "a"), ("9.mp4", "b")]
        held_out = found.split("val")
        assert sorted(clip.label for clip in held_out) == ["a", "b"]
        assert len(found.split("train")) == 6
        assert not {clip.path for clip in held_out} & {clip.path for clip in found.split("train")}


def test_clips_of_one_ucf101_group_are_held_out_together(tmp_path):
    touch(
        tmp_path,
        *(f"{name}/v_{name}_g{group:02}_c{part:02}.avi" for name in "AB" for group in (1, 2, 3) for part in (1, 2, 3)),
    )
    groups = [
        {(clip.label, clip.path.stem[:-4]) for clip in read_source(tmp_path, seed=3).split(split)}
        for split in ("train", "val")
    ]
    assert list(map(len, groups)) == [4, 2]
    assert groups[0].isdisjoint(groups[1])


@pytest.mark.parametrize("folder", ["val", "validate"])
def test_split_folders(tmp_path, folder):
    touch(tmp_path, "train/a/1.mp4", "train/b/2.mp4", f"{folder}/a/3.mp4", f"{folder}/b/deeper/4.mp4")
    found = read_source(tmp_path)
    assert names(found, "train") == [("1.mp4", "a"), ("2.mp4", "b")]
    assert names(found, "val") == [("3.mp4", "a"), ("4.mp4", "b")]


def test_nothing_found_says_what_was_looked_for(tmp_path):
    touch(tmp_path, "a/notes.txt")
    with pytest.raises(ValueError, match="no labelled clips found; looked for Kinetics CSVs") as caught:
        read_source(tmp_path)
    assert str(tmp_path) in str(caught.value)
    write_rows(tmp_path / "train.csv", KINETICS, ("a", "00000000001", 0, 10, "train"))
    with pytest.raises(ValueError, match=r"1 listed clips are missing, e\.g\. a/00000000001_000000_000010"):
        read_source(tmp_path)
    with pytest.raises(ValueError, match="no such file or folder"):
        read_source(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"val_share=1\.5 is not allowed"):
        read_source(tmp_path, val_share=1.5)


def test_kinetics_lists_without_a_header_and_one_list_alone(tmp_path):
    touch(tmp_path, "val/-0000000001_000003_000013.mp4", "train/a b/00000000002_000000_000010.mp4")
    write_rows(tmp_path / "annotations" / "val.csv", ("a b", "-0000000001", 3, 13, "val", 0))
    write_rows(tmp_path / "annotations" / "train.csv", KINETICS, ("a b", "00000000002", 0, 10, "train"))
    write_rows(tmp_path / "annotations" / "test.csv", ("00000000003", 0, 10, "test"))
    found = read_source(tmp_path)
    assert names(found, "val") == [("-0000000001_000003_000013.mp4", "a b")]
    assert (len(found.split("train")), found.unlabelled, found.missing) == (1, 1, ())
    alone = read_source(tmp_path / "annotations" / "train.csv")  # its clips lie beside the folder of lists
    assert [clip.path.name for clip in alone.clips] == ["00000000002_000000_000010.mp4"]
    with pytest.raises(ValueError, match=r"test\.csv: no labelled clips found; 1 clips have no label"):
        read_source(tmp_path / "annotations" / "test.csv")


def test_clips_outside_of_class_folders_are_counted_and_given_without_a_label(tmp_path):
    touch(tmp_path, "a/1.mp4", "b/2.mp4", "loose.mp4", "README.md")
    found = read_source(tmp_path)
    assert (len(found.clips), found.unlabelled) == (2, 1)
    assert found.doubts() == ["1 clips have no label and are left out"]
    every = read_source(tmp_path, labelled=False)
    assert sorted((clip.path.name, clip.label) for clip in every.clips) == [
        ("1.mp4", "a"),
        ("2.mp4", "b"),
        ("loose.mp4", ""),
    ]
    assert (every.labels, every.unlabelled, every.ignored) == (("a", "b"), 0, ())


def test_a_folder_of_clips_alone_has_no_labels(tmp_path):
    touch(tmp_path, "1.mp4", "deeper/2.avi", "sound.mp3")
    with pytest.raises(ValueError, match="no labelled clips found"):
        read_source(tmp_path / "deeper")
    every = read_source(tmp_path / "deeper", labelled=False)
    assert [(clip.label, clip.split) for clip in every.clips] == [("", "")]
    write_rows(tmp_path / "test.csv", KINETICS[1:], ("00000000004", 0, 10, "test"))
    touch(tmp_path, "00000000004_000000_000010.mp4")
    assert len(read_source(tmp_path, labelled=False).clips) == 3


def test_a_clip_that_is_listed_twice_is_told(tmp_path):
    touch(tmp_path, "1.mp4", "2.mp4")
    write_rows(tmp_path / "labels.csv", ("path", "label"), ("1.mp4", "run"), ("1.mp4", "jump"), ("2.mp4", "run|jump"))
    (told,) = read_source(tmp_path).doubts()
    assert told == f"1 clips are listed more than once, e.g. {tmp_path / '1.mp4'}; join its classes, as in run|jump"


def test_what_is_no_list_is_refused_in_one_line(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(bytes(range(256)) * 2000)
    (tmp_path / "config.yaml").write_text("train: {epochs: 3}\n")
    (tmp_path / "list.csv").write_text(f"path,label\n{'x' * 300}.mp4,a\nbad\0name.mp4,a\n")
    for name in ("clip.mp4", "config.yaml"):
        with pytest.raises(ValueError, match=f"{name}: not a list of clips; allowed: a folder, or a list") as caught:
            read_source(tmp_path / name)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ValueError, match="2 listed clips are missing"):  # names that no file can have
        read_source(tmp_path / "list.csv")


def test_folders_that_cannot_be_read_are_told(tmp_path):
    touch(tmp_path, "a/1.mp4", "b/2.mp4", "c/3.mp4")
    (tmp_path / "c").chmod(0)
    try:
        if os.access(tmp_path / "c", os.R_OK):
            pytest.skip("this user may read everything")
        found = read_source(tmp_path)
    finally:
        (tmp_path / "c").chmod(0o755)
    assert (len(found.clips), found.broken) == (2, ((str(tmp_path / "c"), "Permission denied"),))
    assert found.left_out() == [f"1 files or folders cannot be read, e.g. {tmp_path / 'c'} (Permission denied)"]


def test_a_row_without_times_is_named(tmp_path):
    touch(tmp_path, "00000000001.mp4")
    write_rows(tmp_path / "train.csv", KINETICS, ("a", "00000000001", "soon", 10, "train"))
    with pytest.raises(ValueError, match=r"train\.csv: row .*soon"):
        read_source(tmp_path)


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the real clips are not part of the project")
@pytest.mark.parametrize(
    ("name", "splits", "classes"),
    [
        ("fight_surv", {"train": 68, "val": 22, "test": 30}, 2),
        ("spacejam10", {"train": 114, "val": 36, "test": 45}, 10),
    ],
)
def test_real_sets(name, splits, classes):
    """Their lists know train and test; a quarter of the former is to validate by."""
    found = read_source(CLIPS / name)
    assert {split: len(found.split(split)) for split in splits} == splits
    assert len(found.labels) == classes
    assert not found.missing
