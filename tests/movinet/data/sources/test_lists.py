"""Lists as they are published and as people write them, beside a few of their clips."""

import json
from collections import Counter

import pytest

from movinet.data.sources.class_names import class_names
from movinet.data.sources.lists import seconds_of
from movinet.data.sources.source import read_source
from movinet.data.sources.splits import fold_in_name, split_in_name, split_of
from tests.movinet.data.sources.test_source import names, touch

VIDEOS = [f"videos/v{number}.mp4" for number in range(4)]
LABELS = ["walk", "run", "walk", "run"]
WANTED = [(f"v{number}.mp4", label) for number, label in enumerate(LABELS)]


def write(folder, name, *lines, encoding="utf-8"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding=encoding)


def read(folder, *more, **options):
    found = read_source(folder, **options)
    return sorted((clip.path.name, clip.label, *(getattr(clip, name) for name in more)) for clip in found.clips)


@pytest.mark.parametrize(
    ("name", "head", "line"),
    [
        ("train.txt", [], "{0} {1}"),
        ("train.txt", ["# file class", ""], "{0} {1}"),
        ("train.csv", [], "{0},{1}"),
        ("train.csv", [], "{1},{0}"),
        ("train.list", [], '"{0}" {1}'),
        ("train.tsv", [], "{0}\t{1}"),
        ("any.csv", ["path;label"], "{0};{1}"),
        ("any.csv", ["filename,class,subset"], "{0},{1},train"),
        ("any.csv", ["video_name,tag"], "{0},{1}"),
        ("metadata.csv", ["file_name,label"], "{0},{1}"),
        ("any.tsv", ["Video_Path\tCategory"], "{0}\t{1}"),
        ("any.csv", [], "{0},{1},train"),
        ("any.csv", ["id,video,label_name,label"], "7,{0},{1},3"),
        ("metadata.jsonl", [], '{{"file_name": "{0}", "label": "{1}"}}'),
        ("windows.csv", ["path,label"], r"videos\{2},{1}"),
        ("bare.csv", ["path,label"], "{2},{1}"),
        ("stems.txt", [], "videos/{3};{1}"),
        ("moved.txt", [], "/home/other/set/{0} {1}"),
    ],
)
def test_a_list_is_read_whatever_its_form(tmp_path, name, head, line):
    touch(tmp_path, *VIDEOS)
    paths = zip(VIDEOS, LABELS, strict=True)
    lines = [line.format(path, label, path[7:], path[7:-4]) for path, label in paths]
    write(tmp_path, name, *head, *lines)
    for source in (tmp_path, tmp_path / name):
        assert read(source, root=tmp_path if name == "moved.txt" else None) == WANTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_letters_are_read_in_every_common_encoding(tmp_path, encoding):
    touch(tmp_path, *VIDEOS)
    write(
        tmp_path, "train.csv", *(f"{path},café crème" for path in VIDEOS[:2]), f"{VIDEOS[2]},naïve", encoding=encoding
    )
    assert [label for _, label in read(tmp_path)] == ["café crème", "café crème", "naïve"]


def test_labels_of_several_words_and_several_labels(tmp_path):
    touch(tmp_path, *VIDEOS)
    write(tmp_path, "train.txt", f"{VIDEOS[0]} riding a bike", f"{VIDEOS[1]} push up")
    assert [label for _, label in read(tmp_path)] == ["riding a bike", "push up"]
    write(tmp_path, "train.txt", f"{VIDEOS[0]} 0 3", f"{VIDEOS[1]} 1")
    assert [label for _, label in read(tmp_path)] == ["0|3", "1"]
    write(tmp_path, "train.txt", f"{VIDEOS[0]},run,jump", f"{VIDEOS[1]},run,sit down")
    assert [label for _, label in read(tmp_path)] == ["jump|run", "run|sit down"]


def test_ucf101_as_published(tmp_path):
    groups = range(1, 7)
    clips = [f"{name}/v_{name}_g{group:02}_c01.avi" for name in ("Walk", "Yoga") for group in groups]
    touch(tmp_path, *(f"UCF-101/{clip}".replace(".avi", ".mp4") for clip in clips))
    lists = tmp_path / "ucfTrainTestlist"
    write(lists, "classInd.txt", "1 Walk", "2 Yoga")
    for fold in (1, 2, 3):
        test = [clip for clip in clips if f"_g{fold:02}_" in clip]
        write(lists, f"testlist{fold:02}.txt", *test)
        write(
            lists, f"trainlist{fold:02}.txt", *(f"{clip} {1 + ('Yoga' in clip)}" for clip in clips if clip not in test)
        )
    for source in (tmp_path, lists):
        for fold in (1, 2, 3):
            found = read_source(source, fold=fold)
            assert found.labels == ("Walk", "Yoga")
            assert {clip.name for clip in found.split("test")} == {f"v_{x}_g{fold:02}_c01" for x in ("Walk", "Yoga")}
            assert (len(found.split("train")), len(found.split("val"))) == (8, 2)
            assert found.notes[0].startswith(f"fold {fold} of 1, 2, 3 is used, not ")
    with pytest.raises(ValueError, match=r"data\.fold=4 is not allowed; allowed: 1, 2, 3"):
        read_source(tmp_path, fold=4)
    (lists / "classInd.txt").unlink()
    assert read_source(tmp_path).labels == ("Walk", "Yoga")  # by the class folders


def test_hmdb51_as_published(tmp_path):
    touch(
        tmp_path, *(f"hmdb51/{name}/{name}_{number}.avi" for name in ("brush_hair", "cartwheel") for number in range(4))
    )
    lists = tmp_path / "testTrainMulti_7030_splits"
    for fold in (1, 2):
        for name in ("brush_hair", "cartwheel"):
            marks = [1, 2, 0, 1] if fold == 1 else [2, 1, 1, 0]
            rows = [f"{name}_{number}.avi {mark} " for number, mark in enumerate(marks)]
            write(lists, f"{name}_test_split{fold}.txt", *rows)
    found = read_source(tmp_path)
    assert sorted(names(found, "train") + names(found, "val")) == [
        (f"{name}_{number}.avi", name) for name in ("brush_hair", "cartwheel") for number in (0, 3)
    ]
    assert [label for _, label in names(found, "val")] == ["brush_hair", "cartwheel"]
    assert names(found, "test") == [(f"{name}_1.avi", name) for name in ("brush_hair", "cartwheel")]
    assert "2 clips of other splits are left out: unused (2); allowed: train, val, test" in found.notes
    assert [clip.name[-1] for clip in read_source(tmp_path, fold=2).split("test")] == ["0", "0"]


def test_parts_of_one_list_are_no_folds(tmp_path):
    touch(tmp_path, *VIDEOS)
    write(tmp_path, "train1.txt", *(f"{path} {label}" for path, label in zip(VIDEOS[:2], LABELS, strict=False)))
    write(tmp_path, "train2.txt", *(f"{path} {label}" for path, label in zip(VIDEOS[2:], LABELS, strict=False)))
    assert read(tmp_path) == WANTED


def frames(folder, *clips, count=6):
    touch(folder, *(f"{clip}/{number:05}.jpg" for clip in clips for number in range(1, count + 1)))


def test_jester_and_something_something_as_published(tmp_path):
    frames(tmp_path, "20bn-jester-v1/1", "20bn-jester-v1/2", "20bn-jester-v1/3")
    write(tmp_path, "jester-v1-labels.csv", "Swiping Left", "Drumming Fingers")
    write(tmp_path, "jester-v1-train.csv", "1;Swiping Left", "2;Drumming Fingers", "99;Swiping Left")
    write(tmp_path, "jester-v1-validation.csv", "3;Swiping Left")
    found = read_source(tmp_path)
    assert names(found, "train") == [("1", "Swiping Left"), ("2", "Drumming Fingers")]
    assert names(found, "val") == [("3", "Swiping Left")]
    assert found.missing == ("99",)


def test_something_something_v2_as_published(tmp_path):
    touch(tmp_path, *(f"20bn-something-something-v2/{number}.webm" for number in (1, 2, 3, 4)))
    labels = {"Holding something": "0", "Moving something up": "1"}
    write(tmp_path, "labels/labels.json", json.dumps(labels))
    rows = [{"id": "1", "label": "holding a cup", "template": "Holding [something]", "placeholders": ["a cup"]}]
    write(
        tmp_path, "labels/train.json", json.dumps([*rows, {**rows[0], "id": "2", "template": "Moving [something] up"}])
    )
    write(tmp_path, "labels/validation.json", json.dumps([{**rows[0], "id": "3"}]))
    write(tmp_path, "labels/test.json", json.dumps([{"id": "4"}]))
    found = read_source(tmp_path)
    assert names(found, "train") == [("1.webm", "Holding something"), ("2.webm", "Moving something up")]
    assert names(found, "val") == [("3.webm", "Holding something")]
    assert found.unlabelled == 1


def test_epic_kitchens_as_published(tmp_path):
    touch(tmp_path, "P01/videos/P01_01.MP4", "P02/videos/P02_01.MP4")
    head = (
        "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,"
        "narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes"
    )
    row = "{0}_0,{1},{0},00:00:01.089,00:00:00.14,00:01:03.37,8,202,open door,open,3,door,3,['door'],[3]"
    more = (
        "{0}_1,{1},{0},00:00:02.629,00:00:04.37,00:00:06.17,262,370,turn on light,turn-on,6,light,114,['light'],[114]"
    )
    write(tmp_path, "EPIC_100_train.csv", head, row.format("P01_01", "P01"), more.format("P01_01", "P01"))
    write(tmp_path, "EPIC_100_validation.csv", head, row.format("P02_01", "P02"))
    write(
        tmp_path, "EPIC_100_verb_classes.csv", "id,key,instances,category", *(f'{n},verb{n},"[]",x' for n in range(8))
    )
    found = read(tmp_path, "split", "start", "end")
    assert found == [
        ("P01_01.MP4", "verb3", "train", 0.14, 63.37),
        ("P01_01.MP4", "verb6", "train", 4.37, 6.17),
        ("P02_01.MP4", "verb3", "val", 0.14, 63.37),
    ]


def test_kinetics_and_activitynet_in_json(tmp_path):
    touch(tmp_path, "a/---QUuC4vJs_000084_000094.mp4", "v_aaaaaaaaaaa.mp4")
    clip = {"annotations": {"label": "testifying", "segment": [84.0, 94.0]}, "duration": 10.0, "subset": "train"}
    write(tmp_path, "train.json", json.dumps({"---QUuC4vJs": {**clip, "url": "https://www.youtube.com/watch"}}))
    notes = [{"label": "rowing", "segment": [1.5, 3]}, {"label": "rowing", "segment": [7, 9]}]
    video = {"v_aaaaaaaaaaa": {"subset": "validation", "annotations": notes}}
    write(tmp_path, "activity_net.json", json.dumps({"version": "1.3", "database": video}))
    assert read(tmp_path, "split", "start", "end") == [
        ("---QUuC4vJs_000084_000094.mp4", "testifying", "train", None, None),
        ("v_aaaaaaaaaaa.mp4", "rowing", "val", 1.5, 3.0),
        ("v_aaaaaaaaaaa.mp4", "rowing", "val", 7.0, 9.0),
    ]


def test_diving48_as_published(tmp_path):
    touch(tmp_path, "rgb/0gr1LOYBxaw_00012.mp4", "rgb/0gr1LOYBxaw_00013.mp4")
    for name, clip in (("train", "0gr1LOYBxaw_00012"), ("test", "0gr1LOYBxaw_00013")):
        row = {"vid_name": clip, "start_frame": 0, "label": 6, "end_frame": 117}
        write(tmp_path, f"Diving48_V2_{name}.json", json.dumps([row]))
    write(tmp_path, "Diving48_vocab.json", json.dumps([["Back", "15som", "05Twis", "FREE"]] * 48))
    found = read_source(tmp_path)
    assert [(clip.path.name, clip.label, clip.start) for clip in found.split("test")] == [
        ("0gr1LOYBxaw_00013.mp4", "6", None)
    ]
    assert 'Diving48_vocab.json is not read: it begins with \'[["Back"' in found.notes[0]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("{0} {1}", (None, None)),
        ("{0} 6 {1}", (None, None)),
        ("{0} 1 6 {1}", (None, None)),
        ("{0} 3 4 {1}", (0.08, 0.16)),
    ],
)
def test_lists_of_frame_folders(tmp_path, line, wanted):
    frames(tmp_path, "raw/a", "raw/b", "raw/c")
    write(tmp_path, "train.txt", line.format("raw/a", 0), line.format("raw/b", 1))
    write(tmp_path, "val.txt", "", line.format("raw/c", 0))
    assert read(tmp_path, "split", "start", "end") == [
        ("a", "0", "train", *wanted),
        ("b", "1", "train", *wanted),
        ("c", "0", "val", *wanted),
    ]


def test_numbers_of_a_list_are_named_by_a_list_of_classes(tmp_path):
    touch(tmp_path, *VIDEOS)
    write(tmp_path, "train.txt", *(f"{path} {number % 2}" for number, path in enumerate(VIDEOS)))
    write(tmp_path, "label_map.txt", "walking the dog", "run")
    assert [label for _, label in read(tmp_path)] == ["walking the dog", "run"] * 2
    for text in ('{"walk": 0, "run": 1}', '{"0": "walk", "1": "run"}', '["walk", "run"]'):
        assert class_names(tmp_path / "labels.json", text) == {0: "walk", 1: "run"}
    (tmp_path / "train.txt").rename(tmp_path / "labels.txt")  # a list of clips, whatever it is called
    (tmp_path / "label_map.txt").unlink()
    assert [label for _, label in read(tmp_path)] == ["0", "1"] * 2
    assert class_names(tmp_path / "labels.csv", "path,label\na.mp4,walk\n") is None
    assert class_names(tmp_path / "train.txt", "1 walk\n2 run\n") is None


def test_what_is_not_read_is_named_with_its_first_line(tmp_path):
    touch(tmp_path, "a/1.mp4", "b/2.mp4")
    write(tmp_path, "README.txt", "Clips of two classes.")
    write(tmp_path, "speeds.csv", "speed,height", "3,4")
    (told, other) = read_source(tmp_path).notes
    assert told.startswith("README.txt is not read: it begins with 'Clips of two classes.'; looked for a header")
    assert other.startswith("speeds.csv is not read: it begins with 'speed,height'")
    with pytest.raises(ValueError, match=r"not a list of clips.*it begins with 'speed,height'"):
        read_source(tmp_path / "speeds.csv")


def test_notes_about_clips_are_no_lists(tmp_path):
    touch(tmp_path, "a/1.mp4", "b/2.mp4")
    write(tmp_path, "README.txt", "1.mp4 is too dark", "2.mp4 is too long")
    write(tmp_path, "what.txt", "An .mp4 of mine, and another .mp4 of mine.")
    assert read(tmp_path) == [("1.mp4", "a"), ("2.mp4", "b")]


def test_half_of_the_lists_are_never_taken_for_all(tmp_path):
    touch(tmp_path, *VIDEOS)
    write(tmp_path, "train.txt", *(f"{path} walk" for path in VIDEOS[:3]))
    write(tmp_path, "my-val_01.csv", "speed,of", f"3,{VIDEOS[3]}", "4,none", "5,none")
    with pytest.raises(
        ValueError, match=r"my-val_01\.csv: a list that is not understood, beside train\.txt: it begins"
    ):
        read_source(tmp_path)
    (tmp_path / "my-val_01.csv").rename(tmp_path / "speeds.csv")
    assert "speeds.csv is not read" in read_source(tmp_path).notes[0]


def test_splits_of_other_names_are_left_out_and_named(tmp_path):
    touch(tmp_path, *VIDEOS)
    rows = zip(VIDEOS, LABELS, ("TRAIN", "train_set", "holdout", "private_test"), strict=True)
    write(tmp_path, "labels.csv", "path,label,split", *map(",".join, rows))
    found = read_source(tmp_path)
    assert len(found.clips) == 2
    assert found.notes[0] == (
        "2 clips of other splits are left out: holdout (1), private_test (1); allowed: train, val, test"
    )


def test_folders_of_splits_as_people_call_them(tmp_path):
    touch(tmp_path, "train_set/a/1.mp4", "train_set/b/2.mp4", "Val/a/3.mp4", "Val/z/4.mp4", "extra/a/5.mp4")
    found = read_source(tmp_path)
    assert Counter(clip.split for clip in found.clips) == {"train": 2, "val": 2}
    assert list(found.notes) == [
        "extra is no split's name; its 1 clips are left out (allowed: train, val, test)",
        "1 classes have clips in val and none in train: z",
        "1 classes have clips in train and none in val: b",
    ]


def test_classes_that_are_spelt_in_two_ways_are_named(tmp_path):
    touch(tmp_path, "Run/1.mp4", "Run/2.mp4", "run/3.mp4", "run/4.mp4")
    assert "classes that differ in spelling alone: Run, run" in read_source(tmp_path).notes


def test_parts_of_videos_are_clips_and_never_leak(tmp_path):
    touch(tmp_path, "v/0.mp4", "v/1.mp4", "v/2.mp4")
    rows = [f"v/{video}.mp4,{label},{start},{start + 5}" for video in range(3) for start, label in ((0, "a"), (5, "b"))]
    write(tmp_path, "labels.csv", "path,label,start,end", *rows, "v/0.mp4,a,0:01:30,1:00:00.5")
    found = read_source(tmp_path)
    assert (90.0, 3600.5) in [(clip.start, clip.end) for clip in found.clips]
    assert found.notes == ()
    train, val = ({clip.path for clip in found.split(split)} for split in ("train", "val"))
    assert (len(train), len(val), train & val) == (2, 1, set())
    write(tmp_path, "labels.csv", "path,label,start,end", "v/0.mp4,a,soon,5")
    with pytest.raises(ValueError, match=r"labels\.csv: row .*'soon' is no moment; allowed: seconds, or h:m:s"):
        read_source(tmp_path)


def test_litter_is_no_clip(tmp_path):
    touch(tmp_path, "walk/1.mp4", "run/2.mp4", "run/Thumbs.db", "$RECYCLE.BIN/x/3.mp4", "__MACOSX/walk/4.mp4")
    touch(
        tmp_path, "walk/@eaDir/1.mp4/SYNO.jpg", "walk/#recycle/5.mp4", "walk/posters/1.mp4/poster.jpg", "walk/._1.mp4"
    )
    touch(tmp_path, "walk/6.mp4/00001.jpg")  # frames of a video that is not there
    found = read_source(tmp_path)
    assert sorted(clip.path.name for clip in found.clips) == ["1.mp4", "2.mp4", "6.mp4"]
    assert (found.ignored, found.notes) == ((), ("1 classes have clips in train and none in val: run",))


def test_many_missing_clips_are_a_count_and_three_examples(tmp_path):
    touch(tmp_path, "v0.mp4")
    write(tmp_path, "train.txt", *(rf"D:\set\v{number}.mp4 walk" for number in range(50)))
    with pytest.raises(
        ValueError, match=r"50 listed clips are missing, e\.g\. .*v0\.mp4, .*v1\.mp4, .*v2\.mp4 \(data\.root"
    ):
        read_source(tmp_path)
    found = read_source(tmp_path, root=tmp_path)
    assert (len(found.clips), len(found.missing)) == (1, 49)


@pytest.mark.parametrize(
    ("word", "split"),
    [
        *(
            ("train_set", "train"),
            ("Train", "train"),
            ("trainlist01", "train"),
            ("val_set", "val"),
            ("testing", "test"),
        ),
        *(("validation", "val"), ("private_test", None), ("unused", None), ("holdout", None), ("", ""), ("3", None)),
    ],
)
def test_the_words_of_splits(word, split):
    assert split_of(word) == split


def test_names_of_lists_tell_split_and_fold():
    assert split_in_name("ucf101_train_split_1_videos.txt") == "train"
    assert split_in_name("my-val_01.csv") == "val"
    assert split_in_name("trainlist03.txt") == "train"
    assert split_in_name("restrained.txt") == ""
    assert [
        fold_in_name(name) for name in ("trainlist03", "hmdb51_val_split_2_videos", "v_test_split1", "k400_train")
    ] == [*(3, 2, 1, None)]


def test_moments():
    assert [seconds_of(text) for text in ("", "1.5", "1:30", "1:02:03.5")] == [None, 1.5, 90.0, 3723.5]
