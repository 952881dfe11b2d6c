"""A small set of clips from a large one: chosen, cut, made smaller, written anew with a list of what they are.

The folder that comes out is a source like any other.  Clips are encoded in parallel and written by one process, each
noted in a journal when it is on disk, so that an interrupted run goes on where it was and gives the same files.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from movinet.config.errors import InputError
from movinet.data.sets.choice import Choice, Group, choose
from movinet.data.sets.manifest import MANIFEST, read_manifest, write_manifest
from movinet.data.sets.shard_writer import Shards
from movinet.data.sources.clip_set import ClipFile, ClipSet
from movinet.data.sources.tfrecord import framed
from movinet.data.video.encode import mp4
from movinet.data.video.file import VideoError
from movinet.data.video.reading import read_clip
from movinet.data.video.records import clip_record
from movinet.machine.files import is_empty, write_whole
from movinet.machine.processes import Parallel, in_processes
from movinet.machine.progress import Count

VERSION = 1  # of what is written: a change of it refuses to go on with older folders
JOURNAL = "unfinished.jsonl"
FORMATS = ("mp4", "tfrecord")


class ReduceError(InputError):
    """A setting is not allowed, or the folder belongs to somebody else; the text says which and what to do."""


@dataclass(frozen=True)
class Reduction:
    """Which clips, and what becomes of each; None leaves as it is.

    short_side: pixels of the shorter side;  frames_per_second;  seconds: of a longer clip the middle ones;
    format: "mp4" (H.264, no sound) or "tfrecord" (JPEG frames in shards).
    """

    choice: Choice = field(default_factory=Choice)
    short_side: int | None = None
    frames_per_second: float | None = None
    seconds: float | None = None
    format: str = "mp4"

    def __post_init__(self):
        if self.format not in FORMATS:
            raise ReduceError(f"--format {self.format} is not allowed; allowed: {', '.join(FORMATS)}")
        if self.short_side is not None and self.short_side < 16:
            raise ReduceError(f"--short-side {self.short_side} is not allowed; allowed: 16 pixels or more")
        for name, value in (("--fps", self.frames_per_second), ("--seconds", self.seconds)):
            if value is not None and value <= 0:
                raise ReduceError(f"{name} {value:g} is not allowed; allowed: a number > 0")


@dataclass(frozen=True)
class Task:
    """One clip to be made: where from, its class's place, and its name in the folder, `<class>/<clip>`."""

    clip: ClipFile
    label_index: int
    name: str


@dataclass(frozen=True)
class Made:
    """A clip's new bytes and what is in them; or, without bytes, the reason."""

    content: bytes
    facts: dict[str, Any]
    problem: str | None = None  # also what was damaged in a clip that gave frames


def reduce(
    clip_set: ClipSet,
    folder: str | Path,
    reduction: Reduction,
    workers: int | None = None,
    progress: Count | None = None,
    parallel: Parallel = in_processes,
) -> dict[str, Any]:
    """Writes the chosen clips into `folder` with manifest.csv and manifest.json; returns the latter's content.

    A clip that gives no frames is skipped and, where its class and split have more, replaced by the next.  The same
    set and reduction give the same clips.  `parallel`: as `in_processes`, the way a function is run over many items.
    Raises ReduceError where `folder` holds something else, ChoiceError where the set lacks what is asked for.
    """
    folder = Path(folder)
    groups, absent = choose(clip_set, reduction.choice)
    settings = asdict(reduction)
    settings["choice"]["ids"] = None if reduction.choice.ids is None else len(reduction.choice.ids)
    key = _key(groups, settings)
    if (there := read_manifest(folder)) is not None:
        if there.get("key") != key:
            raise ReduceError(f"{folder} holds another reduction (or its source has changed); name a new folder")
        return there
    rows = _begin(folder, key)
    shards = Shards(folder, rows)
    with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        for row in _made(groups, rows, reduction, shards, workers, progress, parallel):
            journal.write("\n" + json.dumps(row))  # a torn line before it ends here
            journal.flush()
    names = shards.finish()
    good = [row | {"path": names.get(row["path"], row["path"])} for row in rows if row["path"]]
    skipped = [(row["source"], row["problem"]) for row in rows if not row["path"]]
    skipped += [(name, "in the list of ids, not in the source") for name in absent]
    skipped += [(name, "listed, but not there") for name in clip_set.missing]
    skipped += [(str(path), f"not a video's extension: {path.suffix!r}") for path in clip_set.ignored]
    skipped += clip_set.broken
    result = write_manifest(folder, good, skipped, {"key": key, "settings": settings})
    (folder / JOURNAL).unlink()
    return result


def make_clip(task: Task, reduction: Reduction) -> Made:
    """Decodes and encodes one clip; never raises for what is in its file. Runs in a worker process."""
    clip = task.clip
    try:
        decoded, rate = read_clip(clip, reduction.short_side, reduction.frames_per_second, reduction.seconds)
    except VideoError as error:
        return Made(b"", {}, error.reason)
    frames = decoded.frames
    if len(set(decoded.times)) < 2:
        return Made(b"", {}, f"a single frame at {rate:g} per second: a picture, not a video")
    height, width = frames.shape[1:3]
    if reduction.format == "mp4":
        content = written = mp4(frames, rate)
        height, width = height // 2 * 2, width // 2 * 2
    else:
        times = [number / rate for number in range(len(frames))]
        content = clip_record(frames, times, rate, clip.label, task.label_index, Path(task.name).name, clip.name)
        written = framed(content)
    facts = {"seconds": round(len(frames) / rate, 3), "frames": len(frames), "frames_per_second": round(rate, 3)}
    facts |= {"width": width, "height": height, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return Made(written, facts, decoded.damage)


def _crashed(_: Task) -> Made:
    return Made(b"", {}, "the decoder crashed on it")


def _made(
    groups: Sequence[Group],
    rows: list[dict[str, Any]],
    reduction: Reduction,
    shards: Shards,
    workers: int | None,
    progress: Count | None,
    parallel: Parallel,
) -> Iterator[dict[str, Any]]:
    """Makes what is not in `rows` and appends it there; each row is given out when its clip is on disk.

    In rounds: what gives no frames in one is replaced in the next, which an interrupted run repeats from its rows.
    """
    names = _names(groups)
    labels = {label: index for index, label in enumerate(sorted({group.label for group in groups}))}
    noted = {row["name"]: bool(row["path"]) for row in rows}
    tried: dict[str, bool] = {}
    while waiting := _next(groups, names, tried):
        tasks = [Task(clip, labels[clip.label], names[clip]) for clip in waiting if names[clip] not in noted]
        results = parallel(partial(make_clip, reduction=reduction), tasks, workers, _crashed)
        before = len(noted)
        for done, (task, made) in enumerate(zip(tasks, results, strict=True), before + 1):
            row = _written(task, made, shards, reduction.format)
            rows.append(row)
            noted[task.name] = bool(row["path"])
            yield row
            if progress:
                progress(done, before + len(tasks))
        tried |= {names[clip]: noted[names[clip]] for clip in waiting}


def _written(task: Task, made: Made, shards: Shards, kind: str) -> dict[str, Any]:
    """Writes a clip, if there is one; returns what is noted of it."""
    row = {"name": task.name, "path": "", "source": task.clip.place, "problem": made.problem, **made.facts}
    row |= {"label": task.clip.label, "split": task.clip.split, "key": Path(task.name).name}
    if made.content and kind == "mp4":
        row["path"] = f"{task.name}.mp4"
        write_whole(shards.folder / row["path"], made.content)
    elif made.content:
        row["path"], row["offset"] = shards.append(task.clip.split, made.content)
        row["stored"] = len(made.content)
    return row


def _next(groups: Iterable[Group], names: dict[ClipFile, str], tried: dict[str, bool]) -> list[ClipFile]:
    """Of each group the first clips not yet tried, as many as are lacking; classes mixed, as shards should be."""
    waiting = []
    for group in groups:
        lacking = group.wanted - sum(tried.get(names[clip], False) for clip in group.clips)
        waiting += [clip for clip in group.clips if names[clip] not in tried][:lacking]
    return sorted(waiting, key=lambda clip: hashlib.sha256(names[clip].encode()).digest())


def _names(groups: Iterable[Group]) -> dict[ClipFile, str]:
    """`<class>/<clip>` for each clip, made of letters that any file system takes, and no name twice."""
    clips = [clip for group in groups for clip in group.clips]
    plain = {clip: f"{_file_name(clip.label)}/{_file_name(clip.name)}" for clip in clips}
    taken = Counter(name.casefold() for name in plain.values())
    names = {}
    for clip, name in plain.items():
        if taken[name.casefold()] > 1:
            parent = "/".join(clip.path.parts[-3:-1])
            place = f"{clip.label}/{clip.split}/{parent}/{clip.path.name}/{clip.offset}{_part(clip)}"
            name += f"-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
        names[clip] = name
    return names


def _part(clip: ClipFile) -> str:
    """Which part of its video a clip is; nothing of a whole one."""
    return "" if clip.start is None and clip.end is None else f"/{clip.start}-{clip.end}"


def _file_name(text: str) -> str:
    return re.sub(r'^\.+|[/\\:*?"<>|\x00-\x1f]', "_", text)


def _key(groups: Iterable[Group], settings: dict[str, Any]) -> str:
    """A hash of all that the result depends on."""
    clips = [
        (
            group.label,
            group.split,
            group.wanted,
            [(f"{c.path.absolute()}{_part(c)}", c.offset, c.state) for c in group.clips],
        )
        for group in groups
    ]
    return hashlib.sha256(json.dumps([VERSION, settings, clips]).encode()).hexdigest()


def _begin(folder: Path, key: str) -> list[dict[str, Any]]:
    """The rows of an interrupted run of the same reduction; none in a new folder, which is claimed."""
    journal = folder / JOURNAL
    if not journal.exists() and not is_empty(folder):
        raise ReduceError(f"{folder} is not empty and holds no {MANIFEST}; name a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not journal.exists():
        write_whole(journal, json.dumps({"key": key}))
        return []
    rows = []
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):  # the last line of an interrupted run
            rows.append(json.loads(line))
    if not rows or rows[0] != {"key": key}:
        raise ReduceError(f"{folder} holds another reduction, unfinished; repeat its command, or name a new folder")
    return rows[1:]
