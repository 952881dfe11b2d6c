"""Frames to compare and to calibrate on: of local videos, or drawn."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from movinet.data.shape_drawing import LABELS, draw
from movinet.export.operators import RequestError
from movinet.spec import ClipSpec


def drawn_clips(clip: ClipSpec, count: int = 4, seed: int = 0) -> list[np.ndarray]:
    """Moving shapes, float32 (T, S, S, 3) in [0, 1] each."""
    rng = np.random.default_rng(seed)
    times = (np.arange(clip.frames) - clip.frames / 2) / clip.frames_per_second
    labels = [LABELS[int(index)] for index in rng.choice(len(LABELS), count)]
    return [draw(label, times, clip.resolution, rng).astype(np.float32) / 255 for label in labels]


def video_clips(folder: str | Path, clip: ClipSpec, count: int, seed: int = 0) -> list[np.ndarray]:
    """The centres of `count` videos below `folder`, chosen by `seed`, as a network takes them. Raises RequestError."""
    from movinet.data.clip_set import VIDEO_SUFFIXES, files_and_frame_folders
    from movinet.data.video import VideoError
    from movinet.predict import centre_clip

    folder = Path(folder)
    videos = [path for path in files_and_frame_folders(folder) if path.suffix.lower() in VIDEO_SUFFIXES]
    random.Random(seed).shuffle(videos)
    clips: list[np.ndarray] = []
    for video in videos:
        if len(clips) == count:
            break
        try:
            clips.append(centre_clip(video, clip)[0])
        except VideoError:  # others will do; that none is readable is told below
            continue
    if not clips:
        raise RequestError(f"{folder}: no readable video here or below; {len(videos)} files have a video's name")
    return clips
