"""Clips as TFRecord SequenceExamples with the keys of MediaSequence, which Model Garden's video reader takes.

A record holds the frames as JPEGs (`image/encoded`) with their times, the class (`clip/label/index`, .../string) and
where the clip comes from.  Only the first two are needed to read one; PNG frames are read too.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from movinet.data.sources.clip_set import DEFAULT_FRAME_RATE, SEPARATOR, ClipFile, ClipSet, SourceError
from movinet.data.sources.tfrecord import (
    Feature,
    RecordError,
    parse,
    read_context,
    read_payload,
    record_spans,
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
    except RecordError as error:
        raise VideoError(place, str(error)) from error
    images = [value for feature in lists.get("image/encoded", []) for value in feature if isinstance(value, bytes)]
    rate = float(next(iter(context.get("image/frame_rate", ())), 0)) or DEFAULT_FRAME_RATE
    stamps = [int(value) for feature in lists.get("image/timestamp", []) for value in feature]
    if len(stamps) == len(images) and all(a < b for a, b in itertools.pairwise(stamps)):
        times = [(stamp - stamps[0]) / MICROSECONDS for stamp in stamps]
    else:
        times = [number / rate for number in range(len(images))]
    return ImageSequence(place, images, times, 1 / rate)


def clips_of_shards(shards: Sequence[tuple[Path, str]]) -> ClipSet:
    """The clips of files of records, (path, split) each, from the records' heads alone.

    A class without a name is called by its index, with zeros in front so that names sort as indices do; several
    classes of a clip are joined, "run|jump".
    """
    found: list[tuple[ClipFile, tuple[int, ...]]] = []
    broken: list[tuple[str, str]] = []
    unlabelled = 0
    for path, split in shards:
        try:
            with path.open("rb") as file:
                for offset, length in record_spans(file):
                    try:
                        clip, indices = _clip(path, offset, split, read_context(file, offset, length))
                    except RecordError as error:
                        broken.append((f"{path}@{offset}", str(error)))
                        continue
                    if not clip.label and not indices:
                        unlabelled += 1
                    else:
                        found.append((clip, indices))
        except RecordError as error:
            broken.append((str(path), str(error)))
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
    width = len(str(max((index for _, indices in found for index in indices), default=0)))
    clips = [
        clip if clip.label else replace(clip, label=SEPARATOR.join(f"{index:0{width}}" for index in sorted(indices)))
        for clip, indices in found
    ]
    return ClipSet((), tuple(clips), unlabelled=unlabelled, broken=tuple(broken))


def _clip(path: Path, offset: int, split: str, context: dict[str, Feature]) -> tuple[ClipFile, tuple[int, ...]]:
    indices = tuple(int(value) for value in context.get("clip/label/index", ()))
    labels = _texts(context, "clip/label/string") or _texts(context, "clip/label/text")
    if labels and indices and len(labels) != len(indices):
        raise RecordError(f"it has {len(indices)} classes by index and {len(labels)} by name")
    key = next(iter(_texts(context, "example/id") or _texts(context, "clip/media_id")), None)
    return ClipFile(path, SEPARATOR.join(sorted(labels)), split, offset=offset, key=key), indices


def _texts(context: dict[str, Feature], name: str) -> list[str]:
    values = [value.decode(errors="replace") for value in context.get(name, ()) if isinstance(value, bytes)]
    return values if all(values) else []
