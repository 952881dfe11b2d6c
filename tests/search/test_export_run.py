"""`run_search.py export`: int8 is calibrated on clips that the run was trained on, and on no others."""

import json
import shutil
from pathlib import Path

import pytest

from movinet.data import centre
from movinet.data.prepare import DataSettings, source_of
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sets.shape_drawing import LABELS
from movinet.data.sources.clip_set import ClipFile
from movinet.data.sources.source import read_source
from run_search import main
from search.clips import clips_of_run, example_video
from tests.movinet.data.sources.test_tfrecord import record, write_shard
from tests.support.clip_files import numbered_frames, write_video
from tests.support.predict_members import CAUSAL, write_member
from tests.support.search_runs import SHAPES, write_config

NAME = ["tiny", "--runs-folder"]


@pytest.fixture
def data(tmp_path) -> DataSettings:
    """36 clips to train on, 12 to validate with; beside them, where runs keep theirs, a video of somebody else."""
    settings = DataSettings(folder=str(tmp_path / "data"), moving_shapes=MovingShapes(**SHAPES))
    synthesize(source_of(settings), settings.moving_shapes)
    write_video(tmp_path / "data" / "another run" / "0.mp4", numbered_frames(8))
    return settings


@pytest.fixture
def runs(data, tmp_path) -> Path:
    """The folder of one run, tiny, whose family is one member of made-up weights."""
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    write_config(tmp_path, Path(data.folder)).rename(tmp_path / "runs" / "tiny" / "config.yaml")
    write_member(tmp_path / "runs" / "tiny" / "family" / "A0", CAUSAL, labels=LABELS)
    return tmp_path / "runs"


@pytest.fixture
def read(monkeypatch) -> list[Path]:
    """The videos of which a clip was read."""
    paths, whole = [], centre.centre_clip

    def noted(video, clip):
        paths.append(video.path if isinstance(video, ClipFile) else video)
        return whole(video, clip)

    monkeypatch.setattr("movinet.data.centre.centre_clip", noted)
    return paths


def test_int8_is_calibrated_on_the_training_clips_of_the_run(runs, data, read, capsys):
    pytest.importorskip("ai_edge_litert")
    more = ["--quantize", "int8", "--calibration-clips", "99", "--drift", "4"]
    assert main(["export", *NAME, str(runs), *more]) == 0
    manifest = json.loads((runs / "tiny" / "family" / "A0" / "stream_int8.json").read_text())
    assert manifest["file"] == "stream_int8.tflite"
    found = read_source(source_of(data))
    assert sorted(read) == sorted(clip.path for clip in found.split("train"))
    assert f"note: {source_of(data)}: 36 of the 99 clips asked for" in capsys.readouterr().out


def test_other_clips_can_be_named(runs, data, read, tmp_path):
    other = tmp_path / "data" / "another run"
    shutil.rmtree(source_of(data))
    more = ["--quantize", "float16", "--calibration", str(other), "--drift", "4"]
    assert main(["export", *NAME, str(runs), *more]) == 0
    assert read == [other / "0.mp4"]


def test_clips_that_are_gone_are_told_and_int8_asks_for_others(runs, data, read, capsys):
    shutil.rmtree(source_of(data))
    gone = f"{runs / 'tiny'}: its clips are gone ({source_of(data)}: no such file or folder); allowed: --calibration "
    assert main(["export", *NAME, str(runs), "--quantize", "int8"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {gone}")
    assert main(["export", *NAME, str(runs), "--quantize", "float16", "--drift", "4"]) == 0
    assert f"note: {gone}" in capsys.readouterr().err
    assert (runs / "tiny" / "family" / "A0" / "stream_float16.tflite").exists()
    assert read == []


def test_wrong_options_are_named(runs, capsys):
    assert main(["export", *NAME, str(runs), "--quantise", "int8"]) == 2
    assert "unrecognized arguments: --quantise int8 (`run_search.py export tiny --help`" in capsys.readouterr().err
    assert main(["export", *NAME, str(runs), "--drift", "0"]) == 2
    assert "--drift 0 is not allowed; allowed: 1 or more" in capsys.readouterr().err


def test_the_clips_of_a_list_are_taken_and_not_what_lies_beside_it(tmp_path):
    rows = [f"{name}.mp4,{name[0]},{'val' if name.endswith('0') else 'train'}" for name in ("a0", "a1", "b0", "b1")]
    (tmp_path / "mine.csv").write_text("\n".join(["path,label,split", *rows]))
    for name in ("a0", "a1", "b0", "b1", "c1"):
        write_video(tmp_path / f"{name}.mp4", numbered_frames(4))
    data = DataSettings(path=str(tmp_path / "mine.csv"))
    assert [clip.path.stem for clip in clips_of_run(data, "train")] == ["a1", "b1"]
    assert example_video(data, tmp_path) == tmp_path / "a0.mp4"


def test_a_run_on_records_is_calibrated_on_its_records(tmp_path):
    from movinet.export.sample_clips import centre_clips

    for split, label in (("train", "ab"), ("val", "ab")):
        clips = [record(numbered_frames(20), name, k) for k, name in enumerate(label)]
        write_shard(tmp_path / "shards" / f"{split}-00000-of-00001.tfrecord", *clips)
    data = DataSettings(path=str(tmp_path / "shards"))
    clips = centre_clips(clips_of_run(data, "train"), "shards", CAUSAL.clip, 16)
    assert [clip.shape for clip in clips] == [(4, 24, 24, 3)] * 2
