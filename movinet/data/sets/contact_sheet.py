"""A picture of clips and their labels: each clip's frames in a row as they are read, below as training varies them."""

from __future__ import annotations

import io
import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from movinet.data.batching.augment import Augment
from movinet.data.batching.pipeline import make_batch
from movinet.data.cache import FrameCache
from movinet.data.sources.clip_set import ClipFile, ClipSet, SourceError
from movinet.machine.files import write_whole
from movinet.spec import ClipSpec

INK, FAINT, PAPER = (30, 34, 40), (128, 134, 144), (255, 255, 255)
MARGIN, GAP, TITLE, CAPTION = 24, 3, 34, 92  # pixels
ROOM = 1.25  # as training: a random crop should still hold as many pixels as the clip


def write_sheet(
    clip_set: ClipSet,
    path: Path,
    clip: ClipSpec,
    split: str = "train",
    count: int = 8,
    seed: int = 0,
    workers: int | None = None,
    augment: Augment | None = None,
) -> int:
    """Writes the sheet of `count` clips of a split, classes in turn, as PNG; returns how many decoded.

    clip: frames, their size and rate;  augment: what varies (default: as in training);  seed: other clips, other
    variations.  Raises SourceError where the split has no clips, CacheError where none decodes.
    """
    if count < 1:
        raise SourceError(f"--clips {count} is not allowed; allowed: 1 or more")
    chosen = _in_turn(clip_set.split(split), count, seed)
    if not chosen:
        raise SourceError(f"no clips in the split {split!r}; there are {_counts(clip_set)}")
    with tempfile.TemporaryDirectory() as folder:
        few = replace(clip_set, clips=tuple(chosen))
        size, rate = round(ROOM * clip.resolution), clip.frames_per_second * -(-10 // clip.frames_per_second)
        cache = FrameCache.build(few, Path(folder) / "frames", size, rate, 2 * clip.seconds, workers)
        entries = np.arange(len(cache))
        read, _ = make_batch(cache, entries, clip)
        varied, labels = make_batch(cache, entries, clip, seed, augment=augment or Augment())
        names = [Path(name).name for name in cache.paths]
        titles = [(cache.labels[label], name) for label, name in zip(labels, names, strict=True)]
    out = io.BytesIO()
    sheet(read, varied, titles).save(out, "PNG", optimize=True)
    write_whole(path, out.getvalue())
    return len(titles)


def sheet(read: np.ndarray, varied: np.ndarray, titles: Sequence[tuple[str, str]]) -> Image.Image:
    """The picture of clips (N, T, S, S, 3) in [0, 1], read and varied, under their (label, file name)."""
    count, frames, size = read.shape[:3]
    block = TITLE + 2 * (size + GAP) + MARGIN // 2
    picture = Image.new("RGB", (2 * MARGIN + CAPTION + frames * (size + GAP) - GAP, 2 * MARGIN + count * block), PAPER)
    pen = ImageDraw.Draw(picture)
    large, small = ImageFont.load_default(17), ImageFont.load_default(13)
    for place, (label, name) in enumerate(titles):
        top = MARGIN + place * block
        baseline = top + TITLE - 12
        pen.text((MARGIN, baseline), label, INK, large, anchor="ls")
        pen.text((MARGIN + pen.textlength(label, large) + 12, baseline), name, FAINT, small, anchor="ls")
        for row, (clips, caption) in enumerate(((read, "as read"), (varied, "in training"))):
            y = top + TITLE + row * (size + GAP)
            pen.text((MARGIN, y + size // 2), caption, FAINT, small, anchor="lm")
            for number, frame in enumerate(clips[place]):
                pixels = Image.fromarray((255 * frame + 0.5).astype(np.uint8))
                picture.paste(pixels, (MARGIN + CAPTION + number * (size + GAP), y))
    return picture


def _in_turn(clips: Sequence[ClipFile], count: int, seed: int) -> list[ClipFile]:
    """One clip of each class, then a second of each, ...; then sorted by class."""
    by_label = defaultdict(list)
    for clip in clips:
        by_label[clip.label].append(clip)
    order = random.Random(seed)
    labels = sorted(by_label)
    order.shuffle(labels)
    for label in labels:
        by_label[label].sort(key=lambda clip: clip.place)
        order.shuffle(by_label[label])
    turns = chain.from_iterable(zip_longest(*(by_label[label] for label in labels)))
    return sorted([clip for clip in turns if clip][:count], key=lambda clip: clip.label)


def _counts(clip_set: ClipSet) -> str:
    return ", ".join(f"{len(clip_set.split(name))} in {name}" for name in ("train", "val", "test"))
