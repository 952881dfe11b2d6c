"""The clips of a run, decoded: moving shapes written if no path is given, then one frame cache for all trials."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from movinet.data.cache import FrameCache, Reading
from movinet.data.moving_shapes import synthesize
from movinet.data.sources import SourceError, read_source
from movinet.spec import ClipSpec
from search.listener import Listener
from search.settings import DataSettings
from space.candidate import clip
from space.space import Space

CROP_MARGIN = 1.25  # a random crop of the frame should still hold as many pixels as the candidate takes


def prepare(data: DataSettings, clips: Iterable[ClipSpec], listener: Listener) -> FrameCache:
    """The frames that these clips need, decoded unless they are there already; kept in data.folder for all runs.

    Raises SourceError when the source holds no clips, or one split or class only, or does not decode.
    """
    folder = Path(data.folder)
    if data.path is None:
        name = "-".join(["moving_shapes", *(str(value) for value in asdict(data.moving_shapes).values())])
        source = synthesize(
            folder / name,
            data.moving_shapes,
            progress=lambda done, total: listener.on_data("writing clips", done, total),
        )
    else:
        source = Path(data.path).expanduser()
        name = f"{source.name}-{hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:6]}"
    found = read_source(source, data.val_share, data.seed)
    for split in ("train", "val"):
        if not found.split(split):
            raise SourceError(f"{source}: no clips to {'train on' if split == 'train' else 'validate with'}")
    if len(found.labels) < 2:
        raise SourceError(f"{source}: one class only ({', '.join(found.labels)}); allowed: two classes or more")
    reading = how_to_read(data, clips)
    key = f"{reading.resolution}px-{reading.frames_per_second:g}fps-{reading.seconds:g}s"
    return FrameCache.build(
        found,
        folder / "frames" / f"{name}-{key}",
        reading.resolution,
        reading.frames_per_second,
        reading.seconds,
        progress=lambda done, total: listener.on_data("decoding clips", done, total),
    )


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


def clips_of(space: Space) -> list[ClipSpec]:
    """Every clip that a candidate of the space can ask for."""
    chosen = [dict(space.fixed)]
    for decision in space.decisions:
        if decision.name.startswith("clip."):
            chosen = [{**values, decision.name: value} for values in chosen for value in decision.values]
    return [clip(values) for values in chosen]
