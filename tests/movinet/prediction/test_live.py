"""`predict` on sources that do not wait: the newest frames count; streams that break off; several at once."""

import json
import os
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from movinet.__main__ import main
from movinet.data.video.frames import shown_frames
from movinet.layers.pool import CUMULATIVE
from movinet.models.load import load_model
from movinet.prediction.follow import Following
from movinet.prediction.live import LiveFrames, frames_of
from movinet.prediction.video import open_video
from tests.support.cameras import camera
from tests.support.clip_files import numbered_frames, write_video
from tests.support.predict_members import CAUSAL, write_member


@pytest.fixture(scope="module")
def member(tmp_path_factory):
    return write_member(tmp_path_factory.mktemp("causal"), CAUSAL)


def answers(captured):
    return [json.loads(line) for line in captured.out.splitlines()]


def test_of_a_camera_that_is_faster_than_the_network_frames_are_dropped_counted_and_told(member, capsys):
    with camera(300, 1500, 160) as url:
        options = ["--model", str(member), "--stream", "--size", "480", "--fps", "300", "--every", "50", "--json"]
        assert main(["predict", url, *options]) == 1  # it broke off in the end
    captured = capsys.readouterr()
    rows = answers(captured)
    assert rows[-1]["dropped"] > 0
    assert rows[-1]["seconds"] > 4  # the camera's clock
    assert rows[-1]["frame"] < 300 * rows[-1]["seconds"]  # and not all of its moments
    slower = [line for line in captured.err.splitlines() if "keeps up with --fps" in line]
    assert len(slower) == 1
    assert 0 < float(slower[0].split("--fps ")[1]) < 300
    assert f"{rows[-1]['dropped']} of 1500 frames were dropped" in captured.err


def test_the_networks_moments_pass_over_what_was_dropped(member, tmp_path):
    """Of frames 0 to 3 s the middle second is missing: no frame is looked at for the moments in it."""
    model = load_model(str(member))
    video = write_video(tmp_path / "a.mp4", numbered_frames(36), 12.0)
    with open_video(str(video)) as file:
        shown = [each for each in shown_frames(file) if not 1 <= each.time < 2]
    following = Following([model], 1, CUMULATIVE, True)
    seconds = [answer.seconds for each in shown for answer in following.see(each)]
    assert seconds == pytest.approx([0, 1 / 3, 2 / 3, 2, 7 / 3, 8 / 3])
    assert following.taken == 6


def through(pipe, source, frames, pause):
    """What LiveFrames makes of a pipe that `source` writes to, looked at with a pause after each frame."""
    os.mkfifo(pipe)
    writer = threading.Thread(target=source, args=[pipe, frames])
    writer.start()
    with frames_of(str(pipe), print) as found:
        assert isinstance(found, LiveFrames)
        for _ in found:
            time.sleep(pause)
    writer.join()
    return found


def as_a_file(pipe, frames):
    """Frames at 25 a second, in a container that does not tell its length, all at once."""
    video = write_video(pipe.with_suffix(".ts"), frames, 25.0)
    pipe.write_bytes(video.read_bytes())


def as_seen(pipe, frames):
    """The same by a camera's clock."""
    with av.open(str(pipe), "w", format="mpegts", options={"flush_packets": "1"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"tune": "zerolatency", "g": "5"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        began = time.monotonic()
        for number, image in enumerate(frames):
            time.sleep(max(0, began + number / 25 - time.monotonic()))
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_of_a_file_in_a_pipe_nothing_is_dropped_however_slow_the_network_is(tmp_path):
    found = through(tmp_path / "pipe", as_a_file, np.repeat(numbered_frames(50), 3, axis=0), 0.02)
    assert (found.came, found.dropped) == (150, 0)


@pytest.mark.slow
def test_of_a_camera_in_a_pipe_the_newest_count(tmp_path):
    found = through(tmp_path / "pipe", as_seen, np.tile(numbered_frames(50), (5, 1, 1, 1)), 0.1)
    assert found.dropped > 50
    assert 230 <= found.came <= 250


def test_a_stream_that_breaks_off_is_opened_anew_and_its_clock_goes_on(tmp_path):
    notes, times = [], []
    with camera(100, 60) as url, frames_of(url, notes.append, reconnect=True) as found:
        for shown in found:
            times.append(shown.time)
            if len(notes) == 2:
                break
    assert all(np.diff(times) > 0)
    assert np.diff(times).max() > 0.5  # the pause before it connects again
    assert notes == ["broke off (Input/output error); connecting again"] * 2


def test_without_reconnect_a_stream_that_ends_is_over():
    with camera(100, 60) as url, frames_of(url, print) as found:
        assert sum(1 for _ in found) + found.dropped == 60


def test_reconnect_is_for_what_can_be_opened_anew(tmp_path, member, capsys):
    video = write_video(tmp_path / "a.mp4", numbered_frames(40), 12.0)
    for source in (str(video), f"file://{video}", "-"):
        assert main(["predict", source, "--model", str(member), "--reconnect"]) == 2
        assert "--reconnect is for cameras and network streams" in capsys.readouterr().err


def test_several_sources_are_a_line_each_and_live_ones_go_side_by_side(tmp_path, member, capsys):
    video = write_video(tmp_path / "a.mp4", numbered_frames(40), 12.0)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    options = ["--model", str(member), "--json"]
    assert main(["predict", str(video), str(tmp_path / "broken.mp4"), *options]) == 0
    good, broken = answers(capsys.readouterr())
    assert good["video"] == str(video)
    assert broken["error"].startswith("not a video")
    with camera(50, 150) as first, camera(50, 150) as second:
        assert main(["predict", first, second, str(video), "--stream", *options]) == 0
    rows = answers(capsys.readouterr())
    assert {row["video"] for row in rows} == {first, second, str(video)}
    order = [row["video"] for row in rows if row["video"] != str(video)]
    assert order != sorted(order), "they take turns"
    assert main(["predict", str(video), "nothing.mp4", *options]) == 2
    assert main(["predict", str(video), str(video), "--overlay", str(tmp_path / "o.mp4"), *options]) == 2
    assert "there are several sources" in capsys.readouterr().err


def test_videos_side_by_side_do_not_mix(tmp_path, member):
    model = load_model(str(member))
    videos = [
        write_video(tmp_path / "a.mp4", numbered_frames(40), 12.0),
        write_video(tmp_path / "b.mp4", numbered_frames(40)[::-1], 12.0),
    ]

    alone = []
    for video in videos:
        following = Following([model], 1, CUMULATIVE, True)
        with open_video(str(video)) as file:
            alone.append([answer.logits for shown in shown_frames(file) for answer in following.see(shown)])
    both = [Following([model], 1, CUMULATIVE, True) for _ in videos]
    found: list[list[np.ndarray]] = [[], []]
    with open_video(str(videos[0])) as first, open_video(str(videos[1])) as second:
        for pair in zip(shown_frames(first), shown_frames(second), strict=True):
            for following, shown, logits in zip(both, pair, found, strict=True):
                logits += [answer.logits for answer in following.see(shown)]
    np.testing.assert_allclose(found, alone, atol=1e-5)
