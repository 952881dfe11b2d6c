"""The videos of `predict`: files, folders, cameras and network streams."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av.error

from movinet.data.sources.clip_set import ClipFile, SourceError, files_and_frame_folders, is_clip
from movinet.data.video.file import VideoError, VideoFile, why
from movinet.data.video.image_sequence import ImageSequence
from movinet.data.video.reading import open_clip
from movinet.models.model import Model

SECONDS_TO_OPEN, SECONDS_TO_READ = 10, 30  # until a network stream counts as lost
TIMELESS = ("mjpeg", "mpjpeg", "h264", "hevc")  # formats without times
CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}")}  # format and name, by platform


class LiveVideo(VideoFile):
    """What is read once, from now on: a camera (cam:0), a URL (rtsp://, http://, file:// ...), a pipe, - for stdin.

    lost: why nothing more came, of a source that did not end by itself.  waited: seconds for what has come so far.
    """

    lost: str | None = None
    waited = 0.0

    def __init__(self, source: str):
        self.path = source
        camera, began = re.fullmatch(r"cam:(\d+)", source), time.monotonic()
        if camera is None:
            name = "pipe:0" if source == "-" else source
            options = {"rtsp_transport": "tcp"} if source.startswith("rtsp") else {}
            try:
                self._open(name, options=options, timeout=(SECONDS_TO_OPEN, SECONDS_TO_READ))
            except VideoError as error:
                if time.monotonic() - began < SECONDS_TO_OPEN:
                    raise
                raise VideoError(source, f"no answer within {SECONDS_TO_OPEN} s") from error
        elif sys.platform in CAMERAS:
            kind, name = CAMERAS[sys.platform]
            self._open(name.format(camera[1]), format=kind)
        else:
            raise VideoError(source, f"no cameras on {sys.platform}; allowed: a file or a URL")

    @property
    def is_pipe(self) -> bool:
        """Whether it is standard input or a named pipe."""
        return self.path == "-" or Path(self.path).is_fifo()

    @property
    def is_endless(self) -> bool:
        """Whether it goes on for nobody knows how long, as cameras do, rather than being a file somewhere else."""
        return self.seconds is None and not str(self.path).startswith("file:")

    @property
    def is_timeless(self) -> bool:
        """Whether its pictures come one by one and without times: the time of each is when it comes."""
        return self.container.format.name in TIMELESS and self.is_endless and not self.is_pipe

    def reopened(self) -> LiveVideo:
        """The same source, from now on."""
        return LiveVideo(str(self.path))

    def frames(self, start: float = 0.0) -> Iterator[tuple[float, Any]]:
        """As of a file; what begins in its middle, or has its index at its end, gives none."""
        try:
            yield from super().frames(start)
        except VideoError as error:
            raise VideoError(
                self.path, f"{error.reason}; an .mp4 with its index at the end cannot be read as it comes"
            ) from error

    def _packets(self) -> Iterator[Any]:
        packets = super()._packets()
        while True:
            began = time.monotonic()
            packet = next(packets, None)
            self.waited += time.monotonic() - began
            if packet is None:
                return
            yield packet

    def _stamp(self, frame: Any) -> float | None:
        return time.monotonic() if self.is_timeless else super()._stamp(frame)

    def _cannot_go_on(self, error: Exception) -> None:
        super()._cannot_go_on(error)
        if not isinstance(error, EOFError):
            quiet = isinstance(error, av.error.ExitError)  # that is how PyAV ends a read that takes too long
            self.lost = f"nothing came for {SECONDS_TO_READ} s" if quiet else why(error)


def is_live(source: str) -> bool:
    """Whether a source is read from now on rather than from its start."""
    return source == "-" or bool(re.match(r"cam:|[a-z][a-z0-9+.-]*://", source)) or Path(source).is_fifo()


def connects(source: str) -> bool:
    """Whether a source can be opened anew when it has broken off: a camera, or a network stream."""
    return source != "-" and is_live(source) and not Path(source).is_fifo() and not source.startswith("file:")


def find_videos(source: str) -> list[str]:
    """The videos, and folders of pictures, in a folder; else the source itself. Raises SourceError and VideoError."""
    path = Path(source)
    if is_live(source) or path.is_file():
        return [source]
    if not path.is_dir():
        raise VideoError(source, "No such file or directory" if not path.exists() else "neither file nor folder")
    if is_clip(path):
        return [source]
    found = [str(file) for file in sorted(files_and_frame_folders(path)) if is_clip(file)]
    if not found:
        raise SourceError(f"{source}: no videos in this folder")
    return found


def open_video(source: str) -> VideoFile | ImageSequence:
    """To be closed by `with`. Raises VideoError."""
    return LiveVideo(source) if is_live(source) else open_clip(ClipFile(Path(source), ""))


def misfit(video: VideoFile | ImageSequence, models: Sequence[Model], streaming: bool) -> str | None:
    """What the models get less of than they were made for, in a few words: frames a second, pixels, or seconds."""
    found, rate = [], 1 / video.frame_seconds
    wanted = max(model.clip.frames_per_second for model in models)
    if rate < 0.99 * wanted and not (isinstance(video, LiveVideo) and video.is_timeless):
        found.append(f"{rate:.3g} frames a second where the model's are {wanted:g}, so that some are repeated")
    if isinstance(video, VideoFile):
        side = min(video.stream.codec_context.width, video.stream.codec_context.height)
        size = max(model.clip.resolution for model in models)
        if 0 < side < size:
            found.append(f"{side} pixels where the model's are {size}, so that they are enlarged")
    seconds = max(model.clip.seconds for model in models)
    if not streaming and video.seconds and video.seconds < 0.99 * seconds:
        found.append(f"{video.seconds:.3g} s where the model's clip has {seconds:.3g}, so that it is repeated")
    return "; ".join(found) or None
