"""Clips as TFRecord SequenceExamples with the keys of MediaSequence, which Model Garden's video reader takes.

A record holds the frames as JPEGs (`image/encoded`) with their times, the class (`clip/label/index`, .../string) and
where the clip comes from.  Only the first two are needed to read one; PNG frames are read too.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from movinet.data.sources.clip_set import DEFAULT_FRAME_RATE
from movinet.data.sources.tfrecord import (
    Feature,
    TFRecordError,
    parse,
    read_payload,
    serialize,
)
from movinet.data.video.file import VideoError
from movinet.data.video.image_sequence import ImageSequence

MICROSECONDS = 1_000_000
JPEG_QUALITY = 90


def clip_record(
    frames: np.ndarray,
    times: Sequence[float],
    frames_per_second: float,
    label: str,
    label_index: int,
    key: str,
    source: str = "",
    quality: int = JPEG_QUALITY,
) -> bytes:
    """A SequenceExample of frames (T, H, W, 3) uint8 RGB, shown at `times` (seconds), as JPEGs of a quality (1-95)."""
    height, width = frames.shape[1:3]
    stamps = [round(time * MICROSECONDS) for time in times]
    context: dict[str, Feature] = {
        "example/id": [key.encode()],
        "clip/data_path": [source.encode()],
        "clip/label/index": [label_index],
        "clip/label/string": [label.encode()],
        "clip/start/timestamp": [stamps[0]],
        "clip/end/timestamp": [stamps[-1] + round(MICROSECONDS / frames_per_second)],
        "image/format": [b"JPEG"],
        "image/channels": [3],
        "image/height": [height],
        "image/width": [width],
        "image/frame_rate": [float(frames_per_second)],
    }
    images = [[jpeg(frame, quality)] for frame in frames]
    return serialize(context, {"image/encoded": images, "image/timestamp": [[stamp] for stamp in stamps]})


def jpeg(frame: np.ndarray, quality: int = JPEG_QUALITY) -> bytes:
    """A frame (H, W, 3) uint8 RGB as JPEG."""
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG", quality=quality)
    return out.getvalue()


def open_record(path: Path, offset: int) -> ImageSequence:
    """The clip in the record that begins at a byte of a file. Raises VideoError."""
    place = f"{path}@{offset}"
    try:
        context, lists = parse(read_payload(path, offset))
    except OSError as error:
        raise VideoError(place, error.strerror or "cannot be read") from error
    except TFRecordError as error:
        raise VideoError(place, str(error)) from error
    images = [value for feature in lists.get("image/encoded", []) for value in feature if isinstance(value, bytes)]
    rate = float(next(iter(context.get("image/frame_rate", ())), 0)) or DEFAULT_FRAME_RATE
    stamps = [int(value) for feature in lists.get("image/timestamp", []) for value in feature]
    if len(stamps) == len(images) and all(a < b for a, b in itertools.pairwise(stamps)):
        times = [(stamp - stamps[0]) / MICROSECONDS for stamp in stamps]
    else:
        times = [number / rate for number in range(len(images))]
    return ImageSequence(place, images, times, 1 / rate)
