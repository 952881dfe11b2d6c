"""Decoded frames of a set of clips, kept once per machine: one flat file of bytes, mapped into every process.

A search reads the same clips hundreds of times; here each is decoded once, at the rate and size that the largest
candidate needs.  The folder holds frames.bin (uint8, clip after clip, each (T, H, W, 3)) and index.json.  A clip whose
bytes are not those that were written, as old disks have it, is decoded again when it is first read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from movinet.data.cache_index import CacheError, checksum, clip_of, entry_of, read_index, write_index
from movinet.data.sources.clip_set import ClipFile, ClipSet, printable
from movinet.data.video.file import VideoError
from movinet.data.video.reading import read_clip
from movinet.machine.files import is_empty, whole
from movinet.machine.lock import in_turn
from movinet.machine.processes import in_processes
from movinet.machine.progress import Count

log = logging.getLogger(__name__)
FRAMES = "frames.bin"


@dataclass(frozen=True)
class Reading:
    """How clips are decoded: shorter side in pixels, frames per second, at most so many seconds (None: all)."""

    resolution: int
    frames_per_second: float
    seconds: float | None = None


class FrameCache:
    """Frames of decoded clips, read-only and shared by all processes that open the folder.

    labels: class names in class order;  label_indices: int32 per entry;  paths, splits: per entry.
    resolution, frames_per_second, seconds: how the clips were decoded, as in Reading.
    skipped: (path, reason) of clips that gave nothing;  damaged: (path, reason) of those used as far as they decode.
    """

    def __init__(self, folder: Path, index: dict[str, Any]):
        self.folder = folder
        self.labels: tuple[str, ...] = tuple(index["labels"])
        self.resolution: int = index["reading"]["resolution"]
        self.frames_per_second: float = index["reading"]["frames_per_second"]
        self.seconds: float | None = index["reading"]["seconds"]
        self.skipped: list[tuple[str, str]] = [tuple(pair) for pair in index["skipped"]]
        self.damaged: list[tuple[str, str]] = [tuple(pair) for pair in index["damaged"]]
        entries = self._entries = index["entries"]
        self.paths: tuple[str, ...] = tuple(entry["path"] for entry in entries)
        self.splits = np.array([entry["split"] for entry in entries])
        self.label_indices = np.array([entry["label"] for entry in entries], np.int32)
        self._shapes = [tuple(entry["shape"]) for entry in entries]
        sizes = np.array([np.prod(shape) for shape in self._shapes], np.int64)
        self._offsets = np.concatenate([[0], np.cumsum(sizes)])
        self._bytes = np.asarray(np.memmap(folder / FRAMES, np.uint8, mode="r"))
        self._is_read = np.zeros(len(entries), bool)  # and found to be what was written

    def __len__(self) -> int:
        return len(self.paths)

    def remarks(self) -> list[str]:
        """A line on the clips that gave no frames, one on those that gave some, where there are any."""
        kinds = {"clips give no frames": self.skipped, "clips are damaged, but used": self.damaged}
        return [
            printable(f"{len(found)} {what}, e.g. {found[0][0]} ({found[0][1]}); all in {self.folder}/index.json")
            for what, found in kinds.items()
            if found
        ]

    def index(self, split: str) -> np.ndarray:
        """The entries of one split, ascending."""
        return np.flatnonzero(self.splits == split)

    def frames(self, entry: int) -> np.ndarray:
        """One clip's frames, uint8 (T, H, W, 3), at `frames_per_second`; a read-only view of the file.

        Where they are not what was written, they are decoded again first. Raises CacheError where that cannot be.
        """
        start, end = self._offsets[entry], self._offsets[entry + 1]
        content = self._bytes[start:end]
        if not self._is_read[entry]:
            if checksum(content) != self._entries[entry]["checksum"]:
                self._mend(entry)
            self._is_read[entry] = True
        return content.reshape(self._shapes[entry])

    def _mend(self, entry: int) -> None:
        """Decodes a clip again into its place in the file, which all processes map; one does it."""
        known = self._entries[entry]
        start, end = self._offsets[entry], self._offsets[entry + 1]
        with in_turn(self.folder):
            if checksum(self._bytes[start:end]) == known["checksum"]:
                return
            reading = Reading(self.resolution, self.frames_per_second, self.seconds)
            frames, reason = _decode_clip((clip_of(known), reading))
            if frames is None or checksum(frames.data) != known["checksum"]:
                raise CacheError(
                    f"{self.folder}: the frames of {printable(known['path'])} are damaged and cannot be decoded as "
                    f"they were{f' ({reason})' if frames is None else ''}; delete the folder to build it anew"
                )
            with (self.folder / FRAMES).open("r+b") as file:
                file.seek(start)
                file.write(frames.data)
        log.warning("%s: the frames of %s were damaged and are decoded anew", self.folder, printable(known["path"]))

    @classmethod
    def open(cls, folder: str | Path) -> FrameCache:
        """The cache in a folder. Raises CacheError."""
        folder = Path(folder)
        index = read_index(folder)
        if index is None:
            raise CacheError(f"{folder}: no frame cache of this version here")
        if (there := _size(folder)) != (told := _size_told(index)):
            raise CacheError(
                f"{folder}: {FRAMES} holds {there} bytes, its index {told}; delete the folder to build it anew"
            )
        return cls(folder, index)

    @classmethod
    def build(
        cls,
        clip_set: ClipSet,
        folder: str | Path,
        resolution: int,
        frames_per_second: float,
        seconds: float | None = None,
        workers: int | None = None,
        progress: Count | None = None,
        max_bytes: int = 64 * 2**30,
    ) -> FrameCache:
        """The cache of `clip_set` in `folder`, decoded now unless the very same is there already.

        Of each clip the middle `seconds` are kept, its shorter side reduced to `resolution` pixels.  `progress(done,
        total)` counts clips.  Built beside the folder and moved into place when complete, by one process at a time.
        Raises CacheError when the frames exceed `max_bytes` or the disk, or when no clip decodes.
        """
        folder = Path(folder)
        reading = Reading(resolution, float(frames_per_second), seconds)
        key = _key(clip_set, reading)
        with in_turn(folder):
            index = read_index(folder)
            if index is None or index["key"] != key or _size(folder) != _size_told(index):
                _build(clip_set, folder, reading, key, workers, progress, max_bytes)
        return cls.open(folder)


def _build(
    clip_set: ClipSet,
    folder: Path,
    reading: Reading,
    key: str,
    workers: int | None,
    progress: Count | None,
    max_bytes: int,
) -> None:
    labels = {label: place for place, label in enumerate(clip_set.labels)}
    entries, skipped, damaged = [], [], []
    if not (folder / "index.json").exists() and not is_empty(folder):
        raise CacheError(f"{folder}: not a frame cache and not empty; name another folder")
    room = min(max_bytes, shutil.disk_usage(folder.parent).free)
    with whole(folder) as new:
        new.mkdir()
        with (new / FRAMES).open("wb") as file:
            tasks = [(clip, reading) for clip in clip_set.clips]
            results = in_processes(_decode_clip, tasks, workers, _crashed)
            for done, (clip, (frames, reason)) in enumerate(zip(clip_set.clips, results, strict=True), 1):
                if frames is None:
                    skipped.append((clip.place, reason))
                else:
                    entries.append(entry_of(clip, labels[clip.label], frames.shape, frames.data))
                    file.write(frames.data)
                    damaged += [(clip.place, reason)] if reason else []
                _check_room(file.tell(), done, len(tasks), room, folder)
                if progress:
                    progress(done, len(tasks))
        if not entries:
            first = f", e.g. {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
            raise CacheError(f"{folder}: none of {len(clip_set.clips)} clips decodes{first}")
        index = {"key": key, "reading": asdict(reading), "labels": clip_set.labels}
        write_index(new, index | {"entries": entries, "skipped": skipped, "damaged": damaged})


def _decode_clip(task: tuple[ClipFile, Reading]) -> tuple[np.ndarray | None, str | None]:
    """Frames and damage, or None and the reason why there are none; runs in a worker process."""
    clip, reading = task
    try:
        decoded, _ = read_clip(clip, reading.resolution, reading.frames_per_second, reading.seconds)
    except VideoError as error:
        return None, error.reason
    if len(set(decoded.times)) < 2:
        return None, "a single frame: a picture, not a video"
    return np.ascontiguousarray(decoded.frames), decoded.damage


def _crashed(_: tuple[ClipFile, Reading]) -> tuple[None, str]:
    return None, "the decoder crashed on it"


def _check_room(written: int, done: int, total: int, room: int, folder: Path) -> None:
    """Stops early, from the first clips' mean, rather than with a full disk."""
    projected = written / done * total
    if written > room or (done >= 32 and projected > 1.1 * room):
        need, limit = (f"{size / 2**30:.1f} GiB" for size in (projected, room))
        raise CacheError(
            f"{folder}: the decoded frames need about {need}, the limit is {limit}; "
            "lower resolution, frames per second, seconds or number of clips, or raise the limit (data.max_gib)"
        )


def _key(clip_set: ClipSet, reading: Reading) -> str:
    """A hash of what decides the frames: the list, the files' sizes and times of change, how they are read."""
    digest = hashlib.sha256(json.dumps([asdict(reading), clip_set.labels]).encode())
    for clip in clip_set.clips:
        line = [str(clip.path.absolute()), clip.label, clip.split, clip.start, clip.end, clip.state]
        if clip.offset is not None or clip.frames_per_second is not None:
            line += [clip.offset, clip.frames_per_second]
        digest.update(json.dumps(line).encode())
    return digest.hexdigest()


def _size(folder: Path) -> int:
    """Bytes of the file of frames; -1 where there is none."""
    try:
        return (folder / FRAMES).stat().st_size
    except FileNotFoundError:
        return -1


def _size_told(index: dict[str, Any]) -> int:
    return sum(math.prod(entry["shape"]) for entry in index["entries"])
