"""An open video file: its frames in order of presentation, with what is odd or broken in real files dealt with.

PyAV on one thread (many clips: many processes).  Time 0 is the moment the file's first frame is shown, whatever the
container calls it.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import av.error
from av.stream import Disposition

from movinet.config.errors import InputError

# Containers round times to their ticks (1 ms in Matroska): a frame due within 2 ms of a moment is on screen then.
TOLERANCE_SECONDS = 0.002
# Below this distance decoding on is cheaper than seeking to a key frame.
SEEK_SECONDS = 1.0

WIDEST = 4  # of pixels; wider or narrower ones are a file's mistake
ROUNDING = 0.01  # of a pixel aspect
STILLS = ("mjpeg", "png", "bmp", "webp", "tiff")  # codecs of covers and previews, where another stream has another


class VideoError(InputError):
    """A file gives no frames; the text is its path and one line why, `reason` is the latter alone."""

    def __init__(self, path: str | Path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self):  # so that it survives the way back from a worker process
        return VideoError, (self.path, self.reason)


class VideoFile:
    """An open video file: frames in order of presentation; what does not decode is left out and noted in `damage`."""

    packets_lost = frames_damaged = 0
    missing: str | None = None

    def __init__(self, path: str | Path):
        self.path: Path | str = Path(path)
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise VideoError(path, error.strerror or "cannot be read") from error
        if size == 0:
            raise VideoError(path, "empty file")
        # An absolute path is never taken for a URL; a playlist in disguise reaches no network.
        self._open(os.path.abspath(self.path), options={"protocol_whitelist": "file"})

    def _open(self, url: str, **how: Any) -> None:
        """Opens what `self.path` names, `how` as for av.open. Raises VideoError."""
        try:
            self.container = av.open(url, metadata_errors="replace", **how)
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(self.path, f"not a video that can be opened ({why(error)})") from error
        stream = _film(self.container)
        if stream is None or stream.codec_context is None:
            self.container.close()
            raise VideoError(self.path, "no video stream" if stream is None else "no decoder for it")
        self.stream: Any = stream
        self.stream.thread_type = "NONE"
        self.stream.codec_context.thread_count = 1

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    def reopened(self) -> VideoFile:
        """The same file, to be read once more from its start."""
        return VideoFile(self.path)

    @property
    def pixel_aspect(self) -> float:
        """How wide a pixel is shown for its height: 16/15 and the like on DVDs and camcorders.

        What a resized video keeps of rounding its size (640/639) counts as square.
        """
        ratio = self.stream.sample_aspect_ratio or self.stream.codec_context.sample_aspect_ratio
        meant = ratio and 1 / WIDEST <= ratio <= WIDEST and abs(ratio - 1) > ROUNDING
        return float(ratio) if meant else 1.0

    @property
    def codec(self) -> str:
        """The decoder's name: h264, mpeg4, ..."""
        return self.stream.codec_context.name

    @property
    def frame_seconds(self) -> float:
        """How long a frame is shown where the file does not say."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return float(1 / rate) if rate else 0.04

    @property
    def seconds(self) -> float | None:
        """The length the file's header claims, if it does."""
        whole = self.container.duration
        return self._stream_seconds or (whole / av.time_base if whole else None)

    @property
    def _stream_seconds(self) -> float | None:
        """The picture's own length; the whole file's may be that of its sound."""
        if self._is_avi and self.stream.frames:  # its duration is guessed from the file's size
            return self.stream.frames * self.frame_seconds
        if self.stream.duration:
            return float(self.stream.duration * self.stream.time_base)
        tag = re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", self.stream.metadata.get("DURATION", ""))  # Matroska
        return sum(float(part) * unit for part, unit in zip(tag.groups(), (3600, 60, 1), strict=True)) if tag else None

    @property
    def damage(self) -> str | None:
        """What was found broken so far, in a few words."""
        counts = {"lost packets": self.packets_lost, "damaged frames": self.frames_damaged}
        found = [f"{what}: {count}" for what, count in counts.items() if count]
        return "; ".join([*found, *([self.missing] if self.missing else [])]) or None

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
                yield from self._timed(sought, origin)
                return
            decoded = self._decoded()
            self.container.seek(0)
            first = next(decoded)
        yield from self._timed(itertools.chain([first], decoded), origin)

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

    def _timed(self, decoded: Iterable[Any], origin: float | None) -> Iterator[tuple[float, Any]]:
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
        exact = self._stream_seconds is not None
        tolerance = 1.5 * self.frame_seconds + (0.02 if exact else 0.1) * self.seconds
        if self.seconds - end > tolerance:
            self.missing = f"ends at {end:.2f} s of {self.seconds:.2f} s"

    def _packets(self) -> Iterator[Any]:
        return self.container.demux(self.stream)

    def _decoded(self) -> Iterator[Any]:
        packets = self._packets()
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, EOFError) as error:
                self._cannot_go_on(error)
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except EOFError:  # the decoder was drained already
                return
            except av.error.FFmpegError:
                self.packets_lost += 1
                continue
            self.packets_lost += bool(packet.is_corrupt)
            for frame in frames:
                self.frames_damaged += bool(frame.is_corrupt)
                yield frame

    def _cannot_go_on(self, _error: Exception) -> None:
        """The file cannot be read on from here."""
        self.packets_lost += 1

    def _stamp(self, frame: Any) -> float | None:
        ticks = frame.dts if self._is_avi else frame.pts  # AVI holds no presentation times; frames come in order
        return None if ticks is None else float(ticks * frame.time_base)

    @property
    def _is_avi(self) -> bool:
        return self.container.format.name == "avi"


def _film(container: Any) -> Any:
    """The film among a file's video streams: no cover or preview, the largest of several. None where there is none."""
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    films = [stream for stream in streams if stream.codec_context and not _is_still(stream)] or streams
    best = container.streams.best("video")

    def size(stream: Any) -> tuple[int, bool]:
        context = stream.codec_context
        return (context.width * context.height if context else -1), stream is best

    return max(films, key=size, default=None)


def _is_still(stream: Any) -> bool:
    return stream.frames == 1 or (not stream.frames and stream.codec_context.name in STILLS)


def why(error: Exception) -> str:
    """What FFmpeg says of an error, in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split())
