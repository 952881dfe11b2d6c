"""Frames of a video file by presentation time, decoded with PyAV on one thread (many clips: many processes).

Time 0 is the moment the file's first frame is shown, whatever the container calls it.  A frame is chosen for a moment
when it is the one on screen then: the last that was presented at or before it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

# Containers round times to their ticks (1 ms in Matroska): a frame due within 2 ms of a moment is on screen then.
TOLERANCE_SECONDS = 0.002
# Below this distance decoding on is cheaper than seeking to a key frame.
SEEK_SECONDS = 1.0


class VideoError(ValueError):
    """A file gives no frames; the text is its path and one line why, `reason` is the latter alone."""

    def __init__(self, path: str | Path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self):  # so that it survives the way back from a worker process
        return VideoError, (self.path, self.reason)


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
    """Frames of a video as uint8 (T, H, W, 3) RGB, rotated as its metadata asks.

    Either `frames_per_second`, for the moments start, start + 1/rate, ... up to `end` or the video's own end,
    whichever is first; or `times` in seconds, where moments past the end wrap round to the start: a clip longer than
    its video repeats it, as the published input pipeline does (a held last frame would be motion that stops).
    `short_side`: pixels to which the shorter side is reduced, aspect ratio kept; smaller videos are not enlarged.
    Only the file's part that is needed is decoded, what is broken inside it left out.  Raises VideoError.
    """
    return decode(path, frames_per_second, times, short_side, start, end).frames


def decode(
    path: str | Path,
    frames_per_second: float | None = None,
    times: Sequence[float] | None = None,
    short_side: int | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Decoded:
    """As `read_frames`, with the presentation times of the frames and the damage met on the way."""
    if (frames_per_second is None) == (times is None):
        raise ValueError("read_frames takes either frames_per_second or times")
    with VideoFile(path) as video:
        if times is not None:
            return _at_times(video, times, short_side)
        assert frames_per_second is not None
        first = start or 0.0
        last = float("inf") if end is None else end - TOLERANCE_SECONDS
        grid = itertools.takewhile(
            lambda moment: moment < last, (first + i / frames_per_second for i in itertools.count())
        )
        picks, _ = _pick(video, grid, _Converter(short_side))
        if not picks:
            raise VideoError(path, f"no frame between {first:g} s and {'its end' if end is None else f'{end:g} s'}")
        return _decoded(picks, video)


class VideoFile:
    """An open video file: frames in order of presentation; what does not decode is left out and noted in `damage`."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.packets_lost = 0
        self.missing: str | None = None
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise VideoError(path, error.strerror or "cannot be read") from error
        if size == 0:
            raise VideoError(path, "empty file")
        try:  # an absolute path is never taken for a URL; a playlist in disguise reaches no network
            self.container = av.open(
                os.path.abspath(self.path), metadata_errors="replace", options={"protocol_whitelist": "file"}
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(path, f"not a video that can be opened ({_why(error)})") from error
        stream = self.container.streams.best("video")
        if stream is None or "attached_pic" in _disposition(stream):
            self.container.close()
            raise VideoError(path, "no video stream")
        self.stream: Any = stream
        self.stream.thread_type = "NONE"
        self.stream.codec_context.thread_count = 1

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    @property
    def frame_seconds(self) -> float:
        """How long a frame is shown where the file does not say."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return float(1 / rate) if rate else 0.04

    @property
    def seconds(self) -> float | None:
        """The length the file's header claims, if it does."""
        if self._is_avi and self.stream.frames:  # its duration is guessed from the file's size
            return self.stream.frames * self.frame_seconds
        if self.stream.duration:
            return float(self.stream.duration * self.stream.time_base)
        return self.container.duration / av.time_base if self.container.duration else None

    @property
    def damage(self) -> str | None:
        """What was found broken so far."""
        lost = {0: None, 1: "a packet does not decode"}.get(
            self.packets_lost, f"{self.packets_lost} packets do not decode"
        )
        return "; ".join(filter(None, (lost, self.missing))) or None

    def frames(self, start: float = 0.0) -> Iterator[tuple[float, Any]]:
        """(seconds, frame) from the last key frame before `start` on, or from the first frame. Raises VideoError."""
        decoded = self._decoded()
        first = next(decoded, None)
        if first is None:
            raise VideoError(self.path, f"no frame decodes{f' ({self.damage})' if self.damage else ''}")
        origin = self._stamp(first)
        if origin is not None and start > SEEK_SECONDS:
            sought = self._sought(origin, start)
            if sought is not None:
                yield from self._timed(sought, origin, first)
                return
            decoded = self._decoded()
            self.container.seek(0)
            first = next(decoded)
        yield from self._timed(itertools.chain([first], decoded), origin, first)

    def _sought(self, origin: float, start: float) -> Iterator[Any] | None:
        """Frames from a key frame before `start`; None where the file cannot seek there."""
        try:
            ticks = int((origin + start) / self.stream.time_base)
            self.container.seek(ticks, stream=self.stream, backward=True)
        except av.error.FFmpegError:
            return None
        decoded = self._decoded()
        first = next(decoded, None)
        stamp = None if first is None else self._stamp(first)
        if stamp is None or stamp - origin > start + TOLERANCE_SECONDS:
            return None
        return itertools.chain([first], decoded)

    def _timed(self, decoded: Iterable[Any], origin: float | None, first: Any) -> Iterator[tuple[float, Any]]:
        """Times that always grow: where a stamp is missing or goes back, a frame follows its predecessor."""
        last = duration = None
        for frame in decoded:
            stamp = self._stamp(frame)
            time = None if stamp is None or origin is None else stamp - origin
            if time is None or (last is not None and time <= last):
                time = 0.0 if last is None else last + self.frame_seconds
            yield time, frame
            last, duration = time, self.shown(frame)
        self._note_missing(last, duration)

    def shown(self, frame: Any) -> float:
        """Seconds for which a frame is shown."""
        return float(frame.duration * frame.time_base) if frame.duration else self.frame_seconds

    def _note_missing(self, last: float | None, duration: float | None) -> None:
        if last is None or duration is None or self.seconds is None:
            return
        end = last + duration
        if self.seconds - end > max(3 * self.frame_seconds, 0.1 * self.seconds):
            self.missing = f"ends at {end:.2f} s of {self.seconds:.2f} s"

    def _decoded(self) -> Iterator[Any]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                if packet.is_corrupt:
                    self.packets_lost += 1
                frames = packet.decode()
            except EOFError:  # PyAV's error for it is both
                return
            except av.error.FFmpegError:
                self.packets_lost += 1
                if packet is None:
                    return
                continue
            yield from frames

    def _stamp(self, frame: Any) -> float | None:
        ticks = frame.dts if self._is_avi else frame.pts  # AVI holds no presentation times; frames come in order
        return None if ticks is None else float(ticks * frame.time_base)

    @property
    def _is_avi(self) -> bool:
        return self.container.format.name == "avi"


class _Converter:
    """RGB arrays of one size from decoded frames, whatever their pixel format; only chosen frames come here."""

    def __init__(self, short_side: int | None):
        self.short_side = short_side
        self.size: tuple[int, int] | None = None

    def __call__(self, frame: Any) -> np.ndarray:
        if self.size is None:
            scale = 1.0 if self.short_side is None else min(1.0, self.short_side / min(frame.width, frame.height))
            self.size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
        image = frame.reformat(*self.size, format="rgb24", interpolation="AREA").to_ndarray()
        turns = round(frame.rotation / 90) % 4  # the metadata and np.rot90 both count counter-clockwise
        return np.rot90(image, turns) if turns else image


Pick = tuple[float, np.ndarray]


def _pick(video: VideoFile, moments: Iterable[float], convert: _Converter) -> tuple[list[Pick], float]:
    """For each of the ascending `moments` before the video's end the frame on screen; and where decoding stopped."""
    waiting = iter(moments)
    moment = next(waiting, None)
    picks: list[Pick] = []
    shown: tuple[float, Any] | None = None
    image: np.ndarray | None = None
    if moment is None:
        return picks, 0.0

    def take_until(end: float) -> None:
        nonlocal moment, image
        while moment is not None and shown is not None and moment < end - TOLERANCE_SECONDS:
            image = convert(shown[1]) if image is None else image
            picks.append((shown[0], image))
            moment = next(waiting, None)

    for time, frame in video.frames(moment):
        take_until(time)
        if moment is None:
            return picks, time
        shown, image = (time, frame), None
    assert shown is not None
    end = shown[0] + video.shown(shown[1])
    take_until(end)
    return picks, end


def _at_times(video: VideoFile, times: Sequence[float], short_side: int | None) -> Decoded:
    if not len(times) or min(times) < 0:
        raise ValueError(f"times={list(times)!r} is not allowed; allowed: one or more, each >= 0 seconds")
    order = np.argsort(times, kind="stable")
    moments = [float(times[i]) for i in order]
    convert = _Converter(short_side)
    picks, end = _pick(video, moments, convert)
    if len(picks) < len(moments):
        wrapped = sorted((moment % end, index) for index, moment in enumerate(moments) if index >= len(picks))
        with VideoFile(video.path) as again:
            rest, _ = _pick(again, [moment for moment, _ in wrapped], convert)
        rest += [rest[-1]] * (len(wrapped) - len(rest))  # a moment within the tolerance of the end
        picks += [pick for _, pick in sorted(zip((i for _, i in wrapped), rest, strict=True), key=lambda x: x[0])]
    unsorted = [picks[place] for place in np.argsort(order, kind="stable")]
    return _decoded(unsorted, video)


def _decoded(picks: list[Pick], video: VideoFile) -> Decoded:
    return Decoded(np.stack([image for _, image in picks]), tuple(time for time, _ in picks), video.damage)


def _disposition(stream: Any) -> str:
    return str(stream.disposition)


def _why(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split())
