"""A clip of a set as frames, whatever holds it: a video file, a folder of pictures, a record of a TFRecord file."""

from __future__ import annotations

from movinet.data.sources.clip_set import ClipFile
from movinet.data.video.file import VideoFile
from movinet.data.video.frames import Decoded, decode
from movinet.data.video.image_sequence import ImageSequence
from movinet.data.video.records import open_record


def open_clip(clip: ClipFile) -> VideoFile | ImageSequence:
    """A clip's file, open; to be closed by `with`. Raises VideoError."""
    if clip.offset is not None:
        return open_record(clip.path, clip.offset)
    if clip.path.is_dir():
        return ImageSequence.of_folder(clip.path, clip.frames_per_second)
    return VideoFile(clip.path)


def read_clip(
    clip: ClipFile, short_side: int | None = None, frames_per_second: float | None = None, seconds: float | None = None
) -> tuple[Decoded, float]:
    """A clip's frames and their rate per second; each argument that is None leaves the clip as it is.

    short_side: pixels to which the shorter side is reduced;  seconds: of a longer clip the middle ones are kept.
    Raises VideoError.
    """
    with open_clip(clip) as video:
        start, end = _span(clip, seconds, video.seconds)
        rate = frames_per_second or 1 / video.frame_seconds
        return decode(video, rate, None, short_side, start, end), rate


def _span(clip: ClipFile, wanted: float | None, there: float | None) -> tuple[float | None, float | None]:
    """The middle `wanted` seconds of a clip that is longer; the first where its file does not tell its length."""
    end = there if clip.end is None else clip.end
    if wanted is None or (end is not None and end - (clip.start or 0.0) <= wanted):
        return clip.start, clip.end
    start = clip.start or 0.0
    if end is not None:
        start += (end - start - wanted) / 2
    return start, start + wanted
