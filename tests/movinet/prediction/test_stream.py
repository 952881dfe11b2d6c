"""`predict` on videos that go on: sampled by time, answered frame by frame, from files, pipes and URLs."""

import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from movinet.__main__ import main
from movinet.data.centre import centre_square
from movinet.data.video.file import VideoFile
from movinet.data.video.frames import read_frames, shown_frames
from movinet.layers.pool import CUMULATIVE, Exponential, Window
from movinet.models.answers import class_probabilities
from movinet.models.folder import load_network, read_member
from movinet.models.load import load_model, temporal_pair
from movinet.models.model import Wanted
from movinet.prediction.cli import read_pool
from movinet.prediction.follow import Following, windows
from movinet.prediction.video import open_video
from movinet.streaming import Stream
from tests.support.clip_files import numbered_frames, write_video
from tests.support.predict_members import CAUSAL, LABELS, write_member

RATE, SIZE = CAUSAL.clip.frames_per_second, CAUSAL.clip.resolution


@pytest.fixture(scope="module")
def member(tmp_path_factory):
    return write_member(tmp_path_factory.mktemp("causal"), CAUSAL)


@pytest.fixture(scope="module")
def model(member):
    return load_model(str(member))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "a.mp4", numbered_frames(40), 12.0)


def logits_of(source, models, step=1, pool=CUMULATIVE, streaming=True):
    following = Following(models, step, pool, streaming)
    with open_video(str(source)) as file:
        answers = [answer for shown in shown_frames(file) for answer in following.see(shown)]
    return [(answer.seconds, answer.frames) for answer in answers], np.stack([answer.logits for answer in answers])


def sampled(video, rate=RATE):
    return centre_square(read_frames(video, frames_per_second=rate, short_side=2 * SIZE), SIZE)


def told(arguments, capsys):
    assert main(["predict", *map(str, arguments), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("pool", [CUMULATIVE, Window(2), Exponential(1.5)])
def test_the_answers_are_a_streams_on_the_frames_by_time(video, model, member, pool):
    stream, frames = Stream(load_network(read_member(member)), pool), sampled(video)
    expected = [np.asarray(stream.push(frame[None, None]))[0] for frame in frames]
    places, logits = logits_of(video, [model], pool=pool)
    assert places == [(k / RATE, k + 1) for k in range(10)]  # 40 frames at 12 a second are 10 at 3 a second
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert len({row.tobytes() for row in logits}) == 10


def test_several_frames_at_a_time_give_the_answers_of_one_by_one(video, model):
    _, each = logits_of(video, [model])
    places, logits = logits_of(video, [model], step=4)
    assert [frames for _, frames in places] == [4, 8, 10]  # the last two are answered too
    np.testing.assert_allclose(logits, each[[3, 7, 9]], atol=1e-4)


@pytest.mark.parametrize("streaming", [True, False])
def test_a_long_step_gives_the_same_answers_and_keeps_no_more_than_a_clip(video, model, streaming):
    calls = []

    def counted(frames, push=None):
        calls.append(len(frames))
        return push(frames)

    def begin(pool):
        return functools.partial(counted, push=model.stream(pool))

    _, each = logits_of(video, [model], streaming=streaming)
    few = replace(model, stream=begin)
    places, logits = logits_of(video, [few], step=9, streaming=streaming)
    assert [frames for _, frames in places] == [9, 10]
    np.testing.assert_allclose(logits, each[[8, 9]], atol=1e-4)
    assert calls == ([4, 4, 1, 1] if streaming else [])
    places, logits = logits_of(video, [few], step=5, streaming=streaming)
    assert [frames for _, frames in places] == [5, 10]
    np.testing.assert_allclose(logits, each[[4, 9]], atol=1e-4)
    places, logits = logits_of(video, [few], step=12, streaming=streaming)
    assert [frames for _, frames in places] == [10]
    np.testing.assert_allclose(logits, each[[9]], atol=1e-4)


def test_the_sources_rate_does_not_matter(tmp_path, model):
    """Pictures that change at 0, 1/3, 2/3 ... s: whether shown at 3 or 24 frames a second, or at uneven times."""
    pictures = numbered_frames(6)
    slow = write_video(tmp_path / "slow.mp4", pictures, 3.0)
    fast = write_video(tmp_path / "fast.mp4", np.repeat(pictures, 8, axis=0), 24.0)
    times = [k / 3 + extra for k in range(6) for extra in (0, 0.05, 0.2)]
    uneven = write_video(tmp_path / "uneven.mkv", np.repeat(pictures, 3, axis=0), times)
    wanted, logits = logits_of(slow, [model])
    for other in (fast, uneven):
        places, found = logits_of(other, [model])
        assert places[:6] == wanted
        np.testing.assert_allclose(found[:6], logits, atol=2e-2 * np.abs(logits).max())


def test_every_video_begins_anew(video, model):
    places, logits = logits_of(video, [model])
    assert places == logits_of(video, [model])[0]
    np.testing.assert_array_equal(logits_of(video, [model])[1], logits)


def test_a_video_of_fewer_frames_repeats_them_and_says_so(tmp_path, member, capsys):
    video = write_video(tmp_path / "slow.mp4", numbered_frames(3), 1.0)
    assert main(["predict", str(video), "--model", str(member), "--stream", "--every", "1"]) == 0
    captured = capsys.readouterr()
    assert "1 frames a second where the model's are 3, so that some are repeated" in captured.err
    assert [line.split()[0] for line in captured.out.splitlines()] == [f"{k / 3:.2f}" for k in range(9)]


def test_json_lines_tell_seconds_and_frames(video, model, member, capsys):
    rows = told([video, "--model", member, "--stream", "--every", "4", "--top", "3"], capsys)
    assert [(row["seconds"], row["frame"]) for row in rows] == [(1.0, 4), (2.333, 8), (3.0, 10)]
    shares = class_probabilities(logits_of(video, [model])[1])[[3, 7, 9]]
    for row, wanted in zip(rows, shares, strict=True):
        found = {each["label"]: each["probability"] for each in row["classes"]}
        assert [found[label] for label in LABELS] == pytest.approx(wanted, abs=1e-4)


def test_a_network_of_whole_clips_follows_a_video_by_its_last_clip(video, tmp_path):
    model = load_model(str(write_member(tmp_path)))
    frames = sampled(video)
    _, logits = logits_of(video, [model], streaming=False)
    np.testing.assert_allclose(logits[7], model.logits(frames[4:8]), atol=1e-4)
    np.testing.assert_allclose(logits[1], model.logits(frames[[0, 1, 0, 1]]), atol=1e-4)
    np.testing.assert_array_equal(windows(model)(frames[:6]), model.logits(frames[2:6]))


def test_models_of_other_rates_answer_together(video, model, tmp_path):
    other = load_model(str(write_member(tmp_path, CAUSAL, seed=1)))
    slower = load_model(str(tmp_path), Wanted(rate=1.5))
    _, first = logits_of(video, [model])
    _, second = logits_of(video, [other])
    _, half = logits_of(video, [slower])
    np.testing.assert_allclose(logits_of(video, [model, other])[1], (first + second) / 2, atol=1e-4)
    expected = (first + half[np.arange(10) // 2]) / 2
    np.testing.assert_allclose(logits_of(video, [model, slower])[1], expected, atol=1e-4)


def test_a_temporal_ensemble_takes_turns(video, model, tmp_path):
    other = load_model(str(write_member(tmp_path, CAUSAL, seed=1)))
    pair = temporal_pair(model, other)
    assert (pair.clip.frames, pair.clip.frames_per_second) == (8, 6.0)
    frames = sampled(video, 6.0)
    first, second = model.stream(CUMULATIVE), other.stream(CUMULATIVE)
    expected = (first(frames[::2]) + second(frames[1::2])) / 2
    np.testing.assert_allclose(logits_of(video, [pair])[1][-1], expected, atol=1e-4)
    clip = (model.logits(frames[:8:2]) + other.logits(frames[1:8:2])) / 2
    np.testing.assert_allclose(pair.logits(frames[:8]), clip, atol=1e-4)


def test_a_pipe_and_a_url_give_the_answers_of_the_file(video, member, tmp_path, capsys):
    arguments = ["--model", member, "--stream", "--every", "1"]
    wanted = [row["classes"] for row in told([video, *arguments], capsys)]
    assert [row["classes"] for row in told([f"file://{video}", *arguments], capsys)] == wanted
    stream = write_video(tmp_path / "a.mkv", numbered_frames(40), 12.0)  # an .mp4's index is at its end
    wanted = [row["classes"] for row in told([stream, *arguments], capsys)]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(stream.read_bytes()))
    writer.start()
    found = told([pipe, *arguments], capsys)
    writer.join()
    assert [row["classes"] for row in found] == wanted


def test_an_index_at_the_end_is_the_reason_given_where_a_pipe_has_no_frames(member, tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)  # more than what is kept of a pipe
    video = write_video(tmp_path / "noise.mp4", noise)
    os.mkfifo(pipe := tmp_path / "pipe")

    def write():
        with contextlib.suppress(BrokenPipeError):
            pipe.write_bytes(video.read_bytes())

    writer = threading.Thread(target=write)
    writer.start()
    assert main(["predict", str(pipe), "--model", str(member)]) == 2
    writer.join(60)
    reason = "no frame decodes (lost packets: 1); an .mp4 with its index at the end cannot be read as it comes"
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {pipe}: {reason}"


def test_what_is_live_is_followed_by_whole_clips_too(video, tmp_path, capsys):
    member = write_member(tmp_path)
    rows = told([f"file://{video}", "--model", member], capsys)
    assert [row["frame"] for row in rows] == list(range(1, 11))  # every quarter of a clip of 4 frames
    model = load_model(str(member))
    shares = class_probabilities(model.logits(sampled(video)[6:]))
    assert rows[-1]["classes"][0]["probability"] == pytest.approx(shares.max(), abs=1e-4)


@pytest.mark.slow
def test_ctrl_c_ends_a_stream_and_keeps_what_was_drawn(member, tmp_path):
    stream = write_video(tmp_path / "a.mkv", numbered_frames(90), 12.0).read_bytes()
    pipe, overlay, plot = (tmp_path / name for name in ("pipe", "a.mp4", "a.png"))
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "movinet", "predict", pipe, "--model", member, "--stream", "--every", "1"]
    command += ["--overlay", overlay, "--plot", plot]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        pipe.open("wb", 0) as end,
    ):
        for start in range(0, len(stream) // 2, 500):
            end.write(stream[start : start + 500])
        for _ in range(3):
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        for start in range(len(stream) // 2, len(stream), 500):
            with contextlib.suppress(BrokenPipeError):
                end.write(stream[start : start + 500])
            time.sleep(0.05)
        assert process.wait() == 130
        assert process.stderr.read().splitlines()[-1] == b"interrupted"
    with VideoFile(overlay) as file:
        assert 6 < sum(1 for _ in file.frames()) < 90
    assert plot.exists()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("cam:93", "cam:93: not a video that can be opened (No such file or directory)"),
        ("rtsp://127.0.0.1:1/none", "rtsp://127.0.0.1:1/none: not a video that can be opened (Connection refused)"),
        ("file:///no/such.mp4", "file:///no/such.mp4: not a video that can be opened (No such file or directory)"),
        ("nothing.mp4", "nothing.mp4: No such file or directory"),
    ],
)
def test_what_is_not_there_is_one_line(source, reason, member, capsys):
    assert main(["predict", source, "--model", str(member)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line for line in captured.err.splitlines() if line != "loading the network ..."] == [f"error: {reason}"]


def test_a_server_that_does_not_answer_is_told(member, monkeypatch, capsys):
    monkeypatch.setattr("movinet.prediction.video.SECONDS_TO_OPEN", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes calls, and never says a word
        for scheme in ("http", "rtsp"):
            source = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/a"
            assert main(["predict", source, "--model", str(member)]) == 2
            assert capsys.readouterr().err.splitlines()[-1] == f"error: {source}: no answer within 0.5 s"


def test_a_stream_that_falls_silent_is_an_end_with_a_reason(member, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("movinet.prediction.video.SECONDS_TO_READ", 1)
    stream = write_video(tmp_path / "a.mkv", numbered_frames(90), 12.0).read_bytes()

    head = b"HTTP/1.0 200 OK\r\nContent-Type: video/x-matroska\r\n\r\n"

    def answer(server):
        with contextlib.suppress(OSError):
            while True:
                caller, _ = server.accept()
                caller.recv(9999)
                caller.sendall(head + stream[: len(stream) // 2])
                callers.append(caller)

    callers: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=[server], daemon=True).start()
        source = f"http://127.0.0.1:{server.getsockname()[1]}/a.mkv"
        assert main(["predict", source, "--model", str(member), "--stream", "--json"]) == 1
        told = capsys.readouterr()
        server.shutdown(socket.SHUT_RDWR)
    assert told.err.splitlines()[-1] == f"failed: {source}: the stream broke off (nothing came for 1 s)"
    assert len(told.out.splitlines()) >= 2


@pytest.mark.parametrize("pool", ["window", "window:0", "window:2.5", "half-life:-1", "mean:3", "half-life:nan"])
def test_wrong_pools_are_refused(pool):
    with pytest.raises(ValueError, match=f"--pool {pool} is not allowed; allowed: window:50, half-life:25"):
        read_pool(pool)
    assert read_pool("window:50") == Window(50)
    assert read_pool("half-life:2.5") == Exponential(2.5)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory in use is told by Linux only")
def test_ten_hours_take_the_memory_of_one(tmp_path):
    """A 20 s file, 1800 times one after the other."""
    part = write_video(tmp_path / "part.mkv", numbered_frames(20, 16, 16), 1.0)
    long = tmp_path / "long.ffconcat"
    long.write_text("ffconcat version 1.0\n" + f"file {part.name}\n" * 1800)
    model = load_model(str(write_member(tmp_path / "slow", CAUSAL)), Wanted(rate=0.05))
    with open_video(str(long)) as file:
        seconds, after_an_hour = 0.0, 0
        following = Following([model], 1, CUMULATIVE, True)
        for shown in shown_frames(file):
            following.see(shown)
            seconds = shown.until
            after_an_hour = after_an_hour or (resident_bytes() if seconds > 3600 else 0)
    assert seconds == pytest.approx(36_000, abs=1)
    assert resident_bytes() - after_an_hour < 10e6  # to keep the 36,000 frames would take 37e6
