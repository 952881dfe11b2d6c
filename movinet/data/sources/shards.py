"""The clips in TFRecord files: where each record lies, and what its context says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from movinet.data.sources.clip_set import SEPARATOR, ClipFile, ClipSet, SourceError
from movinet.data.sources.tfrecord import (
    Feature,
    TFRecordError,
    read_context,
    record_spans,
)


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
                    except TFRecordError as error:
                        broken.append((f"{path}@{offset}", str(error)))
                        continue
                    if not clip.label and not indices:
                        unlabelled += 1
                    else:
                        found.append((clip, indices))
        except TFRecordError as error:
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
        raise TFRecordError(f"it has {len(indices)} classes by index and {len(labels)} by name")
    key = next(iter(_texts(context, "example/id") or _texts(context, "clip/media_id")), None)
    return ClipFile(path, SEPARATOR.join(sorted(labels)), split, offset=offset, key=key), indices


def _texts(context: dict[str, Feature], name: str) -> list[str]:
    values = [value.decode(errors="replace") for value in context.get(name, ()) if isinstance(value, bytes)]
    return values if all(values) else []
