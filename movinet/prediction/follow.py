"""Frames for `predict`: of files, folders of pictures, cameras and network streams, one at a time as they are shown."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av.error
import numpy as np

from movinet.data.sources.clip_set import ClipFile, SourceError, files_and_frame_folders, is_clip
from movinet.data.video.file import TOLERANCE_SECONDS, why
from movinet.data.video.frames import Converter, Shown, VideoError, VideoFile, shown_frames
from movinet.data.video.image_sequence import ImageSequence
from movinet.data.video.reading import open_clip
from movinet.models.folder import centre_square
from movinet.models.load import Model, windows

if TYPE_CHECKING:
    from movinet.layers.pool import Pool

CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}")}  # format and name, by platform
SECONDS_TO_OPEN, SECONDS_TO_READ = 10, 30  # until a network stream counts as lost


class LiveVideo(VideoFile):
    """What is read once, from now on: a camera (cam:0), a URL (rtsp://, http://, file:// ...), a pipe, - for stdin.

    lost: why nothing more came, of a source that did not end by itself.
    """

    lost: str | None = None

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

    def frames(self, start: float = 0.0) -> Iterator[tuple[float, Any]]:
        """As of a file; what begins in its middle, or has its index at its end, gives none."""
        try:
            yield from super().frames(start)
        except VideoError as error:
            raise VideoError(
                self.path, f"{error.reason}; an .mp4 with its index at the end cannot be read as it comes"
            ) from error

    def _cannot_go_on(self, error: Exception) -> None:
        super()._cannot_go_on(error)
        if not isinstance(error, EOFError):
            quiet = isinstance(error, av.error.ExitError)  # that is how PyAV ends a read that takes too long
            self.lost = f"nothing came for {SECONDS_TO_READ} s" if quiet else why(error)


def is_live(source: str) -> bool:
    """Whether a source is read from now on rather than from its start."""
    return source == "-" or bool(re.match(r"cam:|[a-z][a-z0-9+.-]*://", source)) or Path(source).is_fifo()


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
    if rate < 0.99 * wanted:
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


@dataclass(frozen=True)
class Answer:
    """What a model says after `frames` frames, the newest of which was on screen at `seconds`; logits (classes,)."""

    seconds: float
    frames: int
    logits: np.ndarray


class Follower:
    """One model on one video: takes from the frames those on screen at its moments, and answers every `step` frames.

    streaming: frame by frame; else by the last clip.  No more frames than a clip's wait to be pushed, however long a
    step is.
    """

    def __init__(self, model: Model, step: int, pool: Pool, streaming: bool):
        self._clip, self._step = model.clip, step
        self._push = model.stream(pool) if streaming and model.stream else windows(model)
        self._convert = Converter(2 * model.clip.resolution)
        self._waiting: list[np.ndarray] = []
        self._taken = 0
        self.newest: Answer | None = None

    def see(self, shown: Shown) -> Iterator[Answer]:
        """The answers after the frames that are taken of this one; after the video's last, of what is left too."""
        image = None
        while self._moment < shown.until - TOLERANCE_SECONDS:
            image = self._convert(shown.frame) if image is None else image
            self._waiting.append(image)
            self._taken += 1
            due = self._taken % self._step == 0
            if due or len(self._waiting) == self._clip.frames:
                answer = self._answer()
                if due:
                    yield answer
        if shown.last and self._taken % self._step:
            answer = self._answer() if self._waiting else self.newest
            assert answer is not None
            yield answer

    @property
    def _moment(self) -> float:
        return self._taken / self._clip.frames_per_second

    def _answer(self) -> Answer:
        logits = self._push(centre_square(np.stack(self._waiting), self._clip.resolution))
        self._waiting.clear()
        self.newest = Answer((self._taken - 1) / self._clip.frames_per_second, self._taken, logits)
        return self.newest


def follow(
    video: VideoFile | ImageSequence, models: Sequence[Model], step: int, pool: Pool, streaming: bool
) -> Iterator[tuple[Shown, list[Answer]]]:
    """Each frame of a video with the answers it brings: the mean of the models' newest logits, when the first answers.

    One frame is decoded at a time, so that memory does not grow. Raises VideoError.
    """
    first, *others = [Follower(model, step, pool, streaming) for model in models]
    for shown in shown_frames(video):
        for other in others:
            for _ in other.see(shown):
                pass
        answers = []
        for answer in first.see(shown):
            newest = [answer.logits, *(other.newest.logits for other in others if other.newest)]
            answers.append(Answer(answer.seconds, answer.frames, np.mean(newest, axis=0)))
        yield shown, answers
