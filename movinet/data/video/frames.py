"""Frames of a video by presentation time, decoded with PyAV.

A frame is chosen for a moment when it is the one on screen then: the last that was presented at or before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

from movinet.data.video.file import TOLERANCE_SECONDS, VideoError, VideoFile
from movinet.data.video.image_sequence import ImageSequence
from movinet.data.video.orientation import orientation


@dataclass(frozen=True)
class Decoded:
    """Frames (T, H, W, 3) uint8 RGB, the moments (seconds) each was presented, and what is broken in the file."""

    frames: np.ndarray
    times: tuple[float, ...]
    damage: str | None = None


def read_frames(
    path: str | Path,
    frames_per_second: float | None = None,
    times: Sequence[float] | None = None,
    short_side: int | None = None,
    start: float | None = None,
    end: float | None = None,
) -> np.ndarray:
    """Frames of a video as uint8 (T, H, W, 3) RGB, turned and mirrored as its metadata asks, of
    square pixels.

    Either `frames_per_second`, for the moments start, start + 1/rate, ... up to `end` or the video's own end,
    whichever is first; or `times` in seconds, where moments past the end wrap round to the start: a clip longer than
    its video repeats it, as the published input pipeline does (a held last frame would be motion that stops).
    `short_side`: pixels to which the shorter side is reduced, aspect ratio kept; smaller videos are not enlarged.
    Only the file's part that is needed is decoded, what is broken inside it left out.  Raises VideoError.
    """
    return decode(path, frames_per_second, times, short_side, start, end).frames


def decode(
    source: str | Path | VideoFile | ImageSequence,
    frames_per_second: float | None = None,
    times: Sequence[float] | None = None,
    short_side: int | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Decoded:
    """As `read_frames`, with the presentation times of the frames and the damage met on the way.

    `source` may be a VideoFile or an ImageSequence that was just opened.
    """
    if isinstance(source, (str, Path)):
        with VideoFile(source) as video:
            return decode(video, frames_per_second, times, short_side, start, end)
    if times is not None and frames_per_second is None:
        return _at_times(source, times, short_side)
    if times is not None or frames_per_second is None:
        raise ValueError("read_frames takes either frames_per_second or times")
    first, last = start or 0.0, float("inf") if end is None else end - TOLERANCE_SECONDS
    moments = (first + i / frames_per_second for i in itertools.count())
    picks, _ = _pick(source, itertools.takewhile(lambda moment: moment < last, moments), Converter(short_side))
    if not picks:
        raise VideoError(source.path, f"no frame between {first:g} s and {'its end' if end is None else f'{end:g} s'}")
    return _decoded(picks, source)


class Converter:
    """RGB arrays of one size from frames on screen, as they are shown; only chosen frames come here."""

    def __init__(self, short_side: int | None):
        self.short_side = short_side
        self.size: tuple[int, int] | None = None
        self.reformatter = VideoReformatter()  # keeps its tables from frame to frame

    def __call__(self, shown: Shown) -> np.ndarray:
        frame = shown.frame
        if self.size is None:
            width, height = frame.width * shown.pixel_aspect, frame.height
            scale = 1.0 if self.short_side is None else min(1.0, self.short_side / min(width, height))
            self.size = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = self.reformatter.reformat(frame, *self.size, format="rgb24", interpolation="AREA", threads=1)
        return orientation(frame)(rgb.to_ndarray())


Pick = tuple[float, np.ndarray]


@dataclass(frozen=True)
class Shown:
    """A decoded frame on screen from `time` to `until` (seconds); `last`: the video ends then.

    pixel_aspect: how wide its pixels are shown for their height.
    """

    time: float
    until: float
    frame: Any
    last: bool = False
    pixel_aspect: float = 1.0


def shown_frames(video: VideoFile | ImageSequence, start: float = 0.0) -> Iterator[Shown]:
    """The frames of a video just opened, one at a time, from the one on screen at `start` on. Raises VideoError."""
    before = None
    for time, frame in video.frames(start):
        if before is not None:
            yield Shown(before[0], time, before[1], False, video.pixel_aspect)
        before = time, frame
    assert before is not None  # frames() raises where there is none
    time, frame = before
    yield Shown(time, time + video.shown(frame), frame, True, video.pixel_aspect)


def _pick(video: VideoFile | ImageSequence, moments: Iterable[float], convert: Converter) -> tuple[list[Pick], float]:
    """For each of the ascending `moments` before the video's end the frame on screen; and where decoding stopped."""
    waiting = iter(moments)
    moment, end = next(waiting, None), 0.0
    picks: list[Pick] = []
    if moment is None:
        return picks, end
    for shown in shown_frames(video, moment):
        image, end = None, shown.until
        while moment is not None and moment < end - TOLERANCE_SECONDS:
            image = convert(shown) if image is None else image
            picks.append((shown.time, image))
            moment = next(waiting, None)
        if moment is None:
            break
    return picks, end


def _at_times(video: VideoFile | ImageSequence, times: Sequence[float], short_side: int | None) -> Decoded:
    if not len(times) or min(times) < 0:
        raise ValueError(f"times={list(times)!r} is not allowed; allowed: one or more, each >= 0 seconds")
    convert = Converter(short_side)
    order = sorted(range(len(times)), key=lambda place: times[place])
    picks, end = _pick(video, (times[place] for place in order), convert)
    chosen = dict(zip(order, picks, strict=False))
    wrapped = {place: _wrapped(times[place], end) for place in order[len(picks) :]}
    if wrapped:
        order = sorted(wrapped, key=lambda place: wrapped[place])
        with video.reopened() as again:
            (first, *picks), _ = _pick(again, itertools.chain([0.0], (wrapped[place] for place in order)), convert)
        chosen |= dict.fromkeys(order, first) | dict(zip(order, picks, strict=False))
    return _decoded([chosen[place] for place in range(len(times))], video)


def _wrapped(moment: float, end: float) -> float:
    rest = moment % end
    return rest if rest < end - TOLERANCE_SECONDS else 0.0


def _decoded(picks: list[Pick], video: VideoFile | ImageSequence) -> Decoded:
    return Decoded(np.stack([image for _, image in picks]), tuple(time for time, _ in picks), video.damage)
