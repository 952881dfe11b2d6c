"""What a search does not show its networks is told and kept."""

from pathlib import Path

import pytest

from movinet.__main__ import main
from movinet.data.prepare import DataSettings
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sources.source import read_source
from movinet.data.video.file import VideoFile
from movinet.spec import ClipSpec
from search.clips import EXAMPLE_FILE, clips_of_run, example_video, prepare
from search.run import run_search
from search.settings import load_settings
from search.view.listener import Listener
from tests.support.search_runs import write_config


class Notes(Listener):
    """Keeps the lines that stay."""

    def __init__(self):
        self.heard: list[str] = []

    def on_note(self, text):
        self.heard.append(text)


@pytest.fixture
def clips(tmp_path) -> Path:
    """A folder of 36 clips in two splits; the first clip is empty."""
    folder = synthesize(tmp_path / "shapes", MovingShapes(2, 1, resolution=20, frames_per_second=4, seconds=1))
    min(folder.rglob("*.mp4")).write_bytes(b"")
    return folder


def test_a_search_tells_and_keeps_what_it_leaves_out(clips, tmp_path):
    config = write_config(tmp_path, tmp_path / "data", budget={"parameters": 1})
    settings = load_settings(config, [f"data.path={clips}"])
    listener, notes = Notes(), tmp_path / "run" / "notes.txt"
    with pytest.raises(ValueError, match="budget"):  # the clips come first; there is nothing to train here
        run_search(settings, tmp_path / "run", listener)
    (heard,) = listener.heard
    assert heard.startswith(f"1 clips give no frames, e.g. {min(clips.rglob('*.mp4'))} (empty file)")
    assert notes.read_text().splitlines() == [heard]

    prepare(settings.data, [ClipSpec(2, 16, 4.0)], listener, tmp_path / "run")  # other frames, of a family say
    _, later = listener.heard
    prepare(settings.data, [ClipSpec(2, 16, 4.0)], listener, tmp_path / "run")
    assert listener.heard == [heard, later, later]
    assert notes.read_text().splitlines() == [heard, later]


def test_the_example_is_a_clip_of_the_run_that_decodes(clips, tmp_path):
    data = DataSettings(path=str(clips))
    first, second, *_ = clips_of_run(data, "val")
    assert example_video(data, tmp_path) == first.path
    first.path.write_bytes(b"")
    assert example_video(data, tmp_path) == second.path
    assert example_video(DataSettings(path=str(tmp_path / "gone")), tmp_path) is None


def test_the_example_of_records_or_parts_of_files_is_written_as_a_video(clips, tmp_path):
    rows = [f"{clip.path},{clip.label},{clip.split},0.25,0.75" for clip in read_source(clips).clips]
    (tmp_path / "parts.csv").write_text("\n".join(["path,label,split,start,end", *rows]))
    assert main(["data", "reduce", str(clips), str(tmp_path / "shards"), "--format", "tfrecord"]) == 0
    for path, frames in (("parts.csv", 2), ("shards", 4)):
        video = example_video(DataSettings(path=str(tmp_path / path)), tmp_path)
        assert video == tmp_path / EXAMPLE_FILE
        with VideoFile(video) as file:
            assert len(list(file.frames())) == frames, path
