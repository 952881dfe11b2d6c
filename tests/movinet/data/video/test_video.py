"""Frames by presentation time, from real files."""

from pathlib import Path

import av
import numpy as np
import pytest

from movinet.data.sources.source import read_source
from movinet.data.video.file import VideoError, VideoFile
from movinet.data.video.frames import decode, read_frames
from tests.support.clip_files import numbered_frames, numbers, write_video
from tests.support.paths import ROOT

AWKWARD = ROOT.parent / "shared" / "clips" / "awkward"


@pytest.fixture(scope="module")
def ten_a_second(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "clip.mp4", numbered_frames(20), 10)


def test_the_grid_takes_the_frame_on_screen_at_each_moment(ten_a_second):
    assert numbers(read_frames(ten_a_second, 10)) == list(range(20))
    assert numbers(read_frames(ten_a_second, 5)) == list(range(0, 20, 2))
    assert numbers(read_frames(ten_a_second, 4, start=0.5, end=1.5)) == [5, 7, 10, 12]  # 0.5, 0.75, 1.0, 1.25 s
    assert numbers(read_frames(ten_a_second, 20)) == sorted(list(range(20)) * 2)


def test_times_in_any_order_wrap_past_the_end(ten_a_second):
    assert numbers(read_frames(ten_a_second, times=[1.0, 0.0, 0.19, 1.99, 2.0, 2.3, 4.05])) == [10, 0, 1, 19, 0, 3, 0]


def test_presentation_times_decide_when_the_rate_varies(tmp_path):
    times = [0.0, 0.1, 0.2, 1.0, 1.1, 2.0, 2.5]
    clip = write_video(tmp_path / "variable.mp4", numbered_frames(7), times)
    assert numbers(read_frames(clip, times=[0.0, 0.15, 0.9, 1.0, 1.09, 1.95, 2.2, 2.5])) == [0, 1, 2, 3, 3, 4, 5, 6]
    assert numbers(read_frames(clip, 2, end=2.5)) == [0, 2, 3, 4, 5]  # 0, 0.5, 1, 1.5, 2 s
    assert decode(clip, 2, end=2.5).times == pytest.approx((0.0, 0.2, 1.0, 1.1, 2.0), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "format", "codec"),
    [
        *(("a.TS", "mpegts", "libx264"), ("a.MTS", "mpegts", "libx264"), ("a.m2ts", "mpegts", "libx264")),
        *(("a.m2t", "mpegts", "mpeg2video"), ("a.VOB", "vob", "mpeg2video"), ("a.asf", "asf", "wmv2")),
        *(("a.mxf", "mxf", "mpeg2video"), ("a.3g2", "3g2", "libx264"), ("a.f4v", "f4v", "libx264")),
        *(("a.h264", "h264", "libx264"), ("a.hevc", "hevc", "libx265"), ("a.y4m", "yuv4mpegpipe", "rawvideo")),
    ],
)
def test_containers_of_camcorders_are_clips_of_a_folder(tmp_path, name, format, codec):
    (tmp_path / "walk").mkdir()
    with av.open(str(tmp_path / "walk" / name), "w", format=format) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in numbered_frames(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    (clip,) = read_source(tmp_path).clips
    assert clip.path.name == name
    assert numbers(read_frames(clip.path, 25)) == list(range(25))


@pytest.mark.parametrize("name", ["clip.mkv", "clip.avi"])
def test_other_containers(tmp_path, name):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    assert numbers(read_frames(write_video(tmp_path / name, numbered_frames(15), 30, codec), 30)) == list(range(15))


def test_a_late_start_is_the_moment_zero(tmp_path):
    clip = write_video(tmp_path / "late.mkv", numbered_frames(10), [3.0 + k / 10 for k in range(10)])
    assert numbers(read_frames(clip, 5)) == [0, 2, 4, 6, 8]


def test_seeking_gives_the_frames_that_decoding_all_gives(tmp_path):
    clip = write_video(tmp_path / "long.mp4", numbered_frames(110), 10)
    assert numbers(read_frames(clip, 10, start=8.0, end=9.0)) == list(range(80, 90))
    with VideoFile(clip) as video:
        time, _ = next(video.frames(8.0))
    assert time > 1.0  # from a key frame nearby, not from the beginning


def test_short_side_keeps_the_aspect_and_never_enlarges(ten_a_second):
    assert read_frames(ten_a_second, 1, short_side=24).shape == (2, 24, 32, 3)
    assert read_frames(ten_a_second, 1, short_side=200).shape == (2, 48, 64, 3)


def test_colours_survive(tmp_path):
    frames = np.zeros((4, 48, 64, 3), np.uint8)
    frames[:] = (200, 60, 30)
    back = read_frames(write_video(tmp_path / "red.mp4", frames), 10)
    assert np.abs(back.astype(int) - (200, 60, 30)).max() <= 4


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_what_is_no_video_is_refused_with_one_line(tmp_path, ten_a_second):
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    head = ten_a_second.read_bytes()
    for path, reason in {
        tmp_path / "absent.mp4": "No such file",
        write_bytes(tmp_path / "empty.mp4", b""): "empty file",
        write_bytes(tmp_path / "text.mp4", b"version https://git-lfs.github.com/spec/v1\n"): "not a video",
        write_bytes(tmp_path / "noise.mp4", np.random.default_rng(0).bytes(5000)): "not a video",
        write_bytes(tmp_path / "cut.mp4", head[: len(head) // 2]): "not a video",  # its table of contents is at the end
        sound: "no video stream",
    }.items():
        with pytest.raises(VideoError, match=reason) as caught:
            read_frames(path, 5)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_broken_part_is_left_out_and_noted(tmp_path):
    rng = np.random.default_rng(0)
    clip = write_video(tmp_path / "noise.mkv", rng.integers(0, 256, (30, 48, 64, 3), dtype=np.uint8), 10)
    assert decode(clip, 10).damage is None
    content = clip.read_bytes()
    short = decode(write_bytes(tmp_path / "half.mkv", content[: len(content) // 2]), 10)
    assert 10 <= len(short.frames) <= 20
    assert short.damage is not None
    assert "of 3.00 s" in short.damage


def test_random_damage_gives_frames_or_a_video_error(tmp_path):
    rng = np.random.default_rng(0)
    content = write_video(tmp_path / "good.mkv", rng.integers(0, 256, (20, 48, 64, 3), dtype=np.uint8)).read_bytes()
    outcomes = {"intact": 0, "damaged": 0, "refused": 0}
    for _ in range(60):
        broken = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(0, len(broken) if rng.random() < 0.5 else 600, rng.integers(1, 30))
        broken[places] = rng.integers(0, 256, len(places))
        file = write_bytes(tmp_path / "broken.mkv", broken.tobytes()[: rng.integers(len(broken) // 2, len(broken))])
        try:
            outcomes["damaged" if decode(file, times=[0.0, 1.7, 0.4, 9.0]).damage else "intact"] += 1
        except VideoError:
            outcomes["refused"] += 1
    assert outcomes["damaged"] > 10
    assert outcomes["refused"] > 10


def test_a_moment_past_the_end_is_refused(ten_a_second):
    with pytest.raises(VideoError, match=r"no frame between 5 s and 6 s"):
        read_frames(ten_a_second, 5, start=5, end=6)


def test_either_rate_or_times(ten_a_second):
    for arguments in ({}, {"frames_per_second": 5, "times": [0]}):
        with pytest.raises(ValueError, match="either frames_per_second or times"):
            read_frames(ten_a_second, **arguments)
    for times in ([-1.0], []):
        with pytest.raises(ValueError, match="is not allowed; allowed: one or more, each >= 0 seconds"):
            read_frames(ten_a_second, times=times)


# (size of a frame, frames at 5 per second, damage) or the reason for refusal.
AWKWARD_OUTCOMES = {
    "audio_only.mp3": "no video stream",
    "audio_only.wav": "no video stream",
    "av1.mkv": ((360, 640), 25, None),
    "bt709_fullrange_720p.mp4": ((720, 1280), 5, None),
    "corrupted_h264.mp4": ((720, 1280), 25, "lost packets: 1; damaged frames: 1"),
    "derived_empty.mp4": "empty file",
    "derived_text_named.mp4": "not a video that can be opened",
    "derived_truncated_50pct.avi": ((240, 320), 13, "lost packets: 1; damaged frames: 1; ends at 2.44 s of 4.70 s"),
    "derived_truncated_60pct.mp4": "not a video that can be opened",
    "fps59_84_1326x1252.mp4": ((1252, 1326), 20, None),
    "h264_10bit.mp4": ((200, 200), 5, None),
    "hevc_10bit.mp4": ((200, 200), 5, None),
    "hevc_8bit.mp4": ((128, 128), 5, None),
    "late_first_pts_fragmented.mp4": ((480, 854), 41, None),
    "long_152s_12fps_176x144_mpeg4.mp4": ((144, 176), 760, None),
    "mkv_opus_noframecount.mkv": ((240, 426), 52, None),
    "nasa_multi_stream.mp4": ((270, 480), 66, None),
    "nonutf8_metadata_hmdb.avi": ((240, 320), 14, None),
    "portrait_204x360_36s.mp4": ((360, 204), 182, None),
    "portrait_576x1024_fragmented.mp4": ((1024, 576), 71, None),
    "rot0_3frames.mov": ((320, 568), 1, None),
    "rot180_3frames.mov": ((320, 568), 1, None),
    "rot270_3frames.mov": ((568, 320), 1, None),
    "rot90_3frames.mov": ((568, 320), 1, None),
    "unordered_4frames_50x50.mov": ((50, 50), 1, None),
    "vfr_real_Subject3_ADL_19.mp4": ((480, 640), 33, None),
    "vfr_real_Subject3_Fall_19.mp4": ((480, 640), 29, None),
    "vfr_real_Subject3_Fall_20.mp4": ((480, 640), 32, None),
    "vfr_real_Subject4_Fall_02.mp4": ((480, 640), 15, None),
    "vfr_synthetic.mp4": ((128, 128), 75, None),
}


@pytest.mark.skipif(not AWKWARD.is_dir(), reason="the awkward clips are not part of the project")
@pytest.mark.parametrize("name", AWKWARD_OUTCOMES)
def test_awkward_files_are_read_right_or_refused(name):
    expected = AWKWARD_OUTCOMES[name]
    if isinstance(expected, str):
        with pytest.raises(VideoError, match=expected):
            decode(AWKWARD / name, 5)
        return
    decoded = decode(AWKWARD / name, 5)
    assert (decoded.frames.shape[1:3], len(decoded.frames), decoded.damage) == expected
    assert list(decoded.times) == sorted(decoded.times)
    assert decoded.times[0] == 0
