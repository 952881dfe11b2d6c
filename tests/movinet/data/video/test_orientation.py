"""The picture that players show: the film, turned, mirrored and in its shape."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from movinet.data.sets.check import inspect_clip
from movinet.data.sources.clip_set import ClipFile
from movinet.data.video.frames import decode, read_frames
from movinet.data.video.reading import read_clip
from tests.support.clip_files import numbered_frames, numbers, write_video

ONE, MATRIX_AT = 65_536, 44  # of a track's header in an MP4, counted from its name


def with_matrix(path, a, b, c, d):
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + MATRIX_AT
    content[at : at + 36] = struct.pack(">9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 2**30)
    path.write_bytes(content)
    return path


def corners(height=32, width=48):
    """Frames whose four quarters differ."""
    frames = np.zeros((8, height, width, 3), np.uint8)
    frames[:, : height // 2, : width // 2], frames[:, : height // 2, width // 2 :] = 40, 100
    frames[:, height // 2 :, : width // 2], frames[:, height // 2 :, width // 2 :] = 160, 220
    return frames


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((0, -1, 1, 0), np.rot90),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
    ],
)
def test_frames_are_turned_and_mirrored_as_players_show_them(tmp_path, matrix, shown):
    plain = read_frames(write_video(tmp_path / "plain.mp4", corners()), 10)
    path = with_matrix(write_video(tmp_path / "turned.mp4", corners()), *matrix)
    np.testing.assert_array_equal(read_frames(path, 10), [shown(image) for image in plain])
    facts = inspect_clip(ClipFile(path, "a"))
    assert (facts.height, facts.width) == shown(plain[0]).shape[:2]


def write_with_aspect(path, aspect):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for image in corners():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_pixel_aspect_that_only_keeps_a_rounded_size_is_square(tmp_path):
    path = write_with_aspect(tmp_path / "rounded.mp4", Fraction(177, 176))
    assert read_frames(path, 10).shape[1:] == (32, 48, 3)


def test_pixels_that_are_not_square_are_scaled_to_the_shown_shape(tmp_path):
    path = write_with_aspect(tmp_path / "wide.mp4", Fraction(4, 3))
    assert read_frames(path, 10).shape[1:] == (32, 64, 3)
    assert read_frames(path, 10, short_side=16).shape[1:] == (16, 32, 3)
    assert inspect_clip(ClipFile(path, "a")).width == 64
    (decoded, _) = read_clip(ClipFile(path, "a"))  # as `reduce` takes it
    assert decoded.frames.shape[1:] == (32, 64, 3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_preview_picture_before_the_film_is_not_taken_for_it(tmp_path, suffix):
    path = tmp_path / f"drone{suffix}"
    frames = numbered_frames(8)
    with av.open(str(path), "w") as container:
        preview = container.add_stream("mjpeg", rate=10)
        preview.width, preview.height, preview.pix_fmt = 192, 144, "yuvj420p"
        film = container.add_stream("libx264", rate=10, options={"crf": "1"})
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        container.mux(preview.encode(av.VideoFrame.from_ndarray(np.full((144, 192, 3), 90, np.uint8), format="rgb24")))
        container.mux(preview.encode(None))
        for image in frames:
            container.mux(film.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(film.encode(None))
    assert numbers(decode(path, 10).frames) == list(range(8))
    assert inspect_clip(ClipFile(path, "a")).codec == "h264"
