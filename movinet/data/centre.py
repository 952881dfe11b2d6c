"""The middle of a video, in time and space: what a prediction looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from movinet.data.batching.augment import Draw, centre_box
from movinet.data.batching.cut import cut
from movinet.data.sources.clip_set import ClipFile
from movinet.data.video.frames import decode
from movinet.data.video.reading import open_clip
from movinet.spec import ClipSpec


def centre_clip(video: str | Path | ClipFile, clip: ClipSpec) -> tuple[np.ndarray, str | None]:
    """The middle of a video, in time and space, as float32 (T, S, S, 3) in [0, 1]; and what was broken in the file.

    A video shorter than the clip is repeated.  Only the part that is needed is decoded.  A folder of pictures will do,
    and so will what a list calls a clip: a part of a file, or a record.
    """
    source = video if isinstance(video, ClipFile) else ClipFile(Path(video), "")
    with open_clip(source) as file:
        first, last = source.start or 0.0, file.seconds if source.end is None else source.end
        start = max(first, first + ((last or 0.0) - first - clip.seconds) / 2)
        times = [start + frame / clip.frames_per_second for frame in range(clip.frames)]
        decoded = decode(file, times=times, short_side=2 * clip.resolution)
    return centre_square(decoded.frames, clip.resolution), decoded.damage


def centre_square(frames: np.ndarray, size: int) -> np.ndarray:
    """The middle of frames (T, H, W, 3) uint8 as float32 (T, size, size, 3) in [0, 1]."""
    out = np.empty((len(frames), size, size, 3), np.float32)
    cut(frames, np.arange(len(frames)), Draw(centre_box(*frames.shape[1:3])), out)
    return np.minimum(out, 1, out=out)  # resizing rounds white to a few bits more
