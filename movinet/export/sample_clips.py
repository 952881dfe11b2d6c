"""Frames to compare and to calibrate on: of local videos, or drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from movinet.data.sets.shape_drawing import LABELS, draw
from movinet.export.errors import RequestError
from movinet.machine.progress import EVERY, Countdown
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    from movinet.data.sources.clip_set import ClipFile


def drawn_clips(clip: ClipSpec, count: int = 4, seed: int = 0) -> list[np.ndarray]:
    """Moving shapes, float32 (T, S, S, 3) in [0, 1] each."""
    rng = np.random.default_rng(seed)
    times = (np.arange(clip.frames) - clip.frames / 2) / clip.frames_per_second
    labels = [LABELS[int(index)] for index in rng.choice(len(LABELS), count)]
    return [draw(label, times, clip.resolution, rng).astype(np.float32) / 255 for label in labels]


def video_clips(
    folder: str | Path, clip: ClipSpec, count: int, seed: int = 0, say: Callable[[str], None] = lambda line: None
) -> list[np.ndarray]:
    """The centres of `count` videos below `folder`, as `centre_clips`. Raises RequestError."""
    from movinet.data.sources.clip_set import VIDEO_SUFFIXES, ClipFile, files_and_frame_folders

    paths = [path for path in files_and_frame_folders(Path(folder)) if path.suffix.lower() in VIDEO_SUFFIXES]
    return centre_clips([ClipFile(path, "") for path in paths], str(folder), clip, count, seed, say)


def centre_clips(
    files: Sequence[ClipFile],
    place: str,
    clip: ClipSpec,
    count: int,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> list[np.ndarray]:
    """The centres of `count` of these videos, chosen by `seed`, as a network takes them. Raises RequestError.

    place: where they are, for messages.  say: is told of the progress every few seconds, and where there are fewer.
    """
    from movinet.data.centre import centre_clip
    from movinet.data.video.file import VideoError

    videos = list(files)
    random.Random(seed).shuffle(videos)
    clips: list[np.ndarray] = []
    broken, countdown = 0, Countdown(EVERY)
    for video in videos:
        if len(clips) == count:
            break
        try:
            clips.append(centre_clip(video, clip)[0])
        except VideoError:  # others will do; how many there are is told below
            broken += 1
            continue
        if countdown.is_due:
            wanted = min(count, len(videos) - broken)
            say(f"{len(clips)} of {wanted} clips of {place} read{countdown.left(len(clips), wanted)}")
    if not clips:
        raise RequestError(f"{place}: no readable video here or below; {len(videos)} files have a video's name")
    if len(clips) < count:
        found = f"{len(clips)} of the {count} clips asked for"
        say(f"note: {place}: {found}; {broken} of {len(videos)} videos cannot be read")
    return clips


def checked(clips: Sequence[np.ndarray], size: int, use: str) -> list[np.ndarray]:
    """The clips, when a network of `size` pixels can take them. use: for messages. Raises RequestError."""
    allowed = f"allowed: one or more float32 (T, {size}, {size}, 3) in [0, 1]"
    if len(clips) == 0:
        raise RequestError(f"{use}: no clips are not allowed; {allowed}")
    for clip in clips:
        kind = f"clips of shape {clip.shape} and {clip.dtype}"
        if clip.ndim != 4 or clip.shape[1:] != (size, size, 3) or not clip.size:
            raise RequestError(f"{use}: {kind} are not allowed; {allowed}")
        low, high = clip.min(), clip.max()
        if clip.dtype != np.float32 or not 0 <= low <= high <= 1:
            raise RequestError(f"{use}: {kind} from {low:g} to {high:g} are not allowed; {allowed}")
    return list(clips)
