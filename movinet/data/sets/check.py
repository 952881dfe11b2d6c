"""Decodes every clip of a set, in parallel: what is broken and why, how long, how large, at which rate."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from movinet.data.sources.clip_set import ClipFile, ClipSet, pictures
from movinet.data.sources.tfrecord import TFRecordError, read_payload
from movinet.data.video.file import TOLERANCE_SECONDS, VideoError, VideoFile
from movinet.data.video.image_sequence import ImageSequence
from movinet.data.video.orientation import orientation
from movinet.data.video.reading import open_clip
from movinet.machine.files import write_whole
from movinet.machine.processes import Parallel, in_processes
from movinet.machine.progress import Count

CRASHED = "the decoder crashed on it"


@dataclass(frozen=True)
class ClipFacts:
    """What decoding one clip's file showed. `problem` is None for a good one, else why it is not."""

    path: str
    label: str
    split: str
    problem: str | None = None
    seconds: float | None = None
    frames: int | None = None
    frames_per_second: float | None = None  # the mean, where it varies
    width: int | None = None  # as shown
    height: int | None = None
    codec: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    offset: int | None = None  # of its record in a TFRecord file
    key: str | None = None  # its name there
    start: float | None = None  # of a part of a video, in seconds
    end: float | None = None

    @property
    def place(self) -> str:
        """Its path, with the byte of its record where there is one."""
        return str(self.path) if self.offset is None else f"{self.path}@{self.offset}"


def inspect_clip(clip: ClipFile, hashed: bool = False) -> ClipFacts:
    """Decodes all frames of a clip's file; never raises for what is in it. `hashed`: with the file's SHA-256."""
    facts = _named(clip)
    try:
        facts = replace(facts, **_content(clip, hashed))
        with open_clip(clip) as video:
            return _measured(facts, video, clip.start or 0.0, clip.end)
    except VideoError as error:
        return replace(facts, problem=error.reason)
    except OSError as error:
        return replace(facts, problem=error.strerror or "cannot be read")


def _named(clip: ClipFile, problem: str | None = None) -> ClipFacts:
    """What is known of a clip before it is decoded."""
    where = {"offset": clip.offset, "key": clip.key, "start": clip.start, "end": clip.end}
    return ClipFacts(str(clip.path), clip.label, clip.split, problem, **where)


def _measured(facts: ClipFacts, video: VideoFile | ImageSequence, start: float, end: float | None) -> ClipFacts:
    first, times, until = None, [], start
    for time, frame in video.frames(start):
        if time + video.shown(frame) <= start + TOLERANCE_SECONDS:
            continue
        if end is not None and time >= end - TOLERANCE_SECONDS:
            break
        first = first or frame
        times.append(time)
        until = time + video.shown(frame)
    if first is None:
        return replace(facts, problem=f"no frame between {start:g} s and {'its end' if end is None else f'{end:g} s'}")
    count, seconds = len(times), (until if end is None else min(until, end)) - max(start, times[0])
    width, height = round(first.width * video.pixel_aspect), first.height
    width, height = (height, width) if orientation(first).turned else (width, height)
    return replace(
        facts,
        problem=video.damage or ("a single frame: a picture, not a video" if count == 1 else None),
        seconds=round(seconds, 3),
        frames=count,
        frames_per_second=round((count - 1) / (times[-1] - times[0]), 3) if count > 1 else None,
        width=width,
        height=height,
        codec=video.codec,
    )


def inspect(
    clip_set: ClipSet,
    journal: Path | None = None,
    hashed: bool = False,
    workers: int | None = None,
    progress: Count | None = None,
    parallel: Parallel = in_processes,
) -> list[ClipFacts]:
    """The facts of every clip, of files that are ignored or missing too, in the set's order.

    Each is appended to `journal` (JSON lines) as it comes; a later call goes on where an interrupted one stopped and
    inspects anew what has changed since.  `progress(done, total)` counts clips.  `parallel`: as `in_processes`, the way
    a function is run over many items.
    """
    known = _read_journal(journal) if journal else {}
    stamps = [_stamp(clip) for clip in clip_set.clips]
    waiting = {stamp: clip for stamp, clip in zip(stamps, clip_set.clips, strict=True) if stamp not in known}
    total, before = len(stamps), len(stamps) - len(waiting)
    with journal.open("a", encoding="utf-8") if journal else contextlib.nullcontext() as file:
        results = parallel(partial(inspect_clip, hashed=hashed), list(waiting.values()), workers, _crashed)
        for done, (stamp, facts) in enumerate(zip(waiting, results, strict=True), before + 1):
            known[stamp] = facts
            if file:
                file.write("\n" + json.dumps([stamp, asdict(facts)]))  # a torn line before it ends here
                file.flush()
            if progress:
                progress(done, total)
    ignored = (
        ClipFacts(str(path), path.parent.name, "", f"not a video's extension: {path.suffix!r}")
        for path in clip_set.ignored
    )
    missing = (ClipFacts(name, "", "", "listed, but not there") for name in clip_set.missing)
    broken = (ClipFacts(place, "", "", reason) for place, reason in clip_set.broken)
    return [*(known[stamp] for stamp in stamps), *ignored, *missing, *broken]


def report(facts: Iterable[ClipFacts]) -> dict[str, Any]:
    """{"good": how many, "bad": [{"path", "reason"}, ...]}."""
    facts = list(facts)
    bad = [{"path": each.place, "reason": each.problem} for each in facts if each.problem]
    return {"good": len(facts) - len(bad), "bad": bad}


def write_report(facts: Iterable[ClipFacts], path: Path) -> None:
    """`report` as a JSON file, written at once."""
    write_whole(path, json.dumps(report(facts), indent=1) + "\n")


def write_index(facts: Sequence[ClipFacts], path: Path) -> None:
    """A CSV with a column per fact, paths relative to its folder: `read_source` takes it as a list of clips.

    What is not there keeps the name it is listed under.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(ClipFacts)], lineterminator="\n")
    table.writeheader()
    for each in facts:
        there = os.path.exists(each.path)
        table.writerow(asdict(each) | {"path": os.path.relpath(each.path, path.parent) if there else each.path})
    write_whole(path, text.getvalue())


def _crashed(clip: ClipFile) -> ClipFacts:
    return _named(clip, CRASHED)


def _stamp(clip: ClipFile) -> str:
    """Which file in which state."""
    state = "gone" if clip.state is None else "{} {}".format(*clip.state)
    at = "" if clip.offset is None else f"@{clip.offset}"
    part = "" if clip.start is None and clip.end is None else f" {clip.start}-{clip.end}"
    return f"{clip.path.absolute()}{at} {clip.label} {clip.split} {state}{part}"


def _read_journal(journal: Path) -> dict[str, ClipFacts]:
    known = {}
    if journal.exists():
        for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                stamp, facts = json.loads(line)
                known[stamp] = ClipFacts(**facts)
            except (ValueError, TypeError):  # the last line of an interrupted run
                continue
    return known


def _content(clip: ClipFile, hashed: bool) -> dict[str, Any]:
    """Size and, if `hashed`, SHA-256 of what holds a clip: file, record, or all pictures one after the other."""
    if clip.offset is not None:
        try:
            payload = read_payload(clip.path, clip.offset)
        except TFRecordError as error:
            raise VideoError(clip.place, str(error)) from error
        return {"bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest() if hashed else None}
    files = pictures(clip.path) if clip.path.is_dir() else [clip.path]
    digest = hashlib.sha256()
    for file in files if hashed else ():
        with file.open("rb") as content:
            hashlib.file_digest(content, lambda: digest)
    return {"bytes": sum(file.stat().st_size for file in files), "sha256": digest.hexdigest() if hashed else None}
