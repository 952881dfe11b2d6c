"""The clips of a run, decoded: moving shapes written if no path is given, then one frame cache for all that train."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from movinet.config.typed import require
from movinet.data.cache import FrameCache, Reading
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sources.clip_set import ClipSet, SourceError
from movinet.data.sources.source import read_source
from movinet.machine.lock import in_turn
from movinet.machine.progress import Count, CountOf
from movinet.spec import ClipSpec

CROP_MARGIN = 1.25  # a random crop of the frame should still hold as many pixels as the network takes
USES = {"train": "train on", "val": "validate with"}  # what a run needs clips of these splits for


@dataclass(frozen=True)
class DataSettings:
    """Which clips: those under `path`, or, without one, moving shapes written on the spot.

    resolution (shorter side, pixels), frames_per_second and seconds say how much of each clip is decoded and kept;
    null is what the largest of the clips asked for needs.  max_gib: what the decoded frames may take on the disk.
    fold: which of lists that are alternatives (UCF101's, HMDB51's);  root: what replaces the beginning of paths in
    lists that were written elsewhere.
    """

    path: str | None = None
    moving_shapes: MovingShapes = field(default_factory=MovingShapes)
    val_share: float = 0.25  # of each class, where the source has no validation split of its own
    seed: int = 0
    folder: str = "data"  # where moving shapes and decoded frames are kept, for all runs
    resolution: int | None = None
    frames_per_second: float | None = None
    seconds: float | None = None
    max_gib: float = 64.0
    fold: int = 1
    root: str | None = None

    def __post_init__(self):
        require(0 < self.val_share < 1, self, "val_share", "a number > 0 and < 1")
        require(self.max_gib > 0, self, "max_gib", "a number > 0")
        require(self.seed >= 0, self, "seed", "an integer >= 0")
        require(self.fold >= 1, self, "fold", "an integer >= 1")
        require(self.resolution is None or self.resolution >= 8, self, "resolution", "an integer >= 8, or null")
        rate, seconds = self.frames_per_second, self.seconds
        require(rate is None or 0 < rate <= 1000, self, "frames_per_second", "a number > 0 and <= 1000, or null")
        require(seconds is None or seconds > 0, self, "seconds", "a number > 0, or null")


def prepare(
    data: DataSettings,
    clips: Iterable[ClipSpec],
    report: CountOf | None = None,
    note: Callable[[str], None] | None = None,
) -> FrameCache:
    """The frames that these clips need, decoded unless they are there already; kept in data.folder for all runs.

    report: called with what is done (writing or decoding clips), how many are done and how many there are.
    note: with a line on each kind of thing that is left out, such as clips that do not decode.
    Raises SourceError when the source holds no clips, or one split or class only, or does not decode.
    """
    source = source_of(data)
    name = source.name
    if data.path is None:
        with in_turn(source):
            synthesize(source, data.moving_shapes, progress=_partly(report, "writing clips"))
    else:
        name = f"{name}-{hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:6]}"
    found = read_clips(data)
    reading = how_to_read(data, clips)
    key = f"{reading.resolution}px-{reading.frames_per_second:g}fps-{reading.seconds:g}s"
    cache = FrameCache.build(
        found,
        Path(data.folder, "frames", f"{name}-{key}"),
        reading.resolution,
        reading.frames_per_second,
        reading.seconds,
        progress=_partly(report, "decoding clips"),
        max_bytes=int(data.max_gib * 2**30),
    )
    for split, use in USES.items():
        if not len(cache.index(split)):
            count = len(found.split(split))
            raise SourceError(f"{source}: no clips to {use}: none of {count} decodes; why: {cache.folder}/index.json")
    for line in (*found.left_out(), *found.doubts(), *cache.remarks()):
        if note:
            note(line)
    return cache


def source_of(data: DataSettings) -> Path:
    """The folder or list of the clips; of moving shapes, their folder below data.folder."""
    if data.path is not None:
        return Path(data.path).expanduser()
    return Path(data.folder, data.moving_shapes.name)


def read_clips(data: DataSettings) -> ClipSet:
    """The clips that lie there, in their splits. Raises SourceError where there is none, or one split or class only."""
    source = source_of(data)
    found = read_source(source, data.val_share, data.seed, fold=data.fold, root=data.root)
    notes = "".join(f"; {line}" for line in found.notes)
    for split, use in USES.items():
        if not found.split(split):
            one = split == "val" and len({clip.path for clip in found.clips}) == 1
            why = ": all are parts of one video, and a part looks like the next" if one else ""
            raise SourceError(f"{source}: no clips to {use}{why}{notes}")
    if len(found.labels) < 2:
        raise SourceError(f"{source}: one class only ({', '.join(found.labels)}); allowed: two classes or more{notes}")
    return found


def how_to_read(data: DataSettings, clips: Iterable[ClipSpec]) -> Reading:
    """Resolution, rate and seconds that serve all of these clips, where the settings do not say.

    The rate is one that every clip's rate divides, if there is one up to three times the highest; twice the highest
    otherwise. The seconds leave room for clips to start at different moments.
    """
    clips = list(clips)
    rates = [Fraction(each.frames_per_second).limit_denominator(1000) for each in clips]
    common = Fraction(math.lcm(*(r.numerator for r in rates)), math.gcd(*(r.denominator for r in rates)))
    rate = common if common <= 3 * max(rates) else 2 * max(rates)
    return Reading(
        data.resolution or math.ceil(CROP_MARGIN * max(each.resolution for each in clips)),
        data.frames_per_second or float(rate),
        data.seconds or 2 * max(each.seconds for each in clips),
    )


def _partly(report: CountOf | None, what: str) -> Count | None:
    return None if report is None else lambda done, total: report(what, done, total)
