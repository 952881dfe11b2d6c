"""Labelled clips on the disk, as an app would hand them to an exported file."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from movinet.data.centre import centre_square
from movinet.data.sources.clip_set import SourceError
from movinet.data.sources.source import read_source
from movinet.data.video.file import VideoError
from movinet.data.video.reading import read_clip
from movinet.spec import ClipSpec


@dataclass(frozen=True)
class LabelledClips:
    """files: a .npy each, (T, S, S, 3) uint8; classes: each one's place in the network's labels."""

    files: tuple[Path, ...]
    classes: tuple[int, ...]

    def accuracy(self, predicted: list[int]) -> float:
        """The share of right classes, in [0, 1]."""
        return float(np.mean(np.equal(predicted, self.classes)))


def write_clips(
    source: str, labels: tuple[str, ...], clip: ClipSpec, count: int, folder: Path, seed: int = 0
) -> LabelledClips:
    """The middles of `count` readable clips of the source's val split, chosen by `seed`. Raises SourceError.

    A source without splits gives a quarter of each class, as it does for training: a network that was trained on the
    rest of it has not seen them.
    """
    found = read_source(source)
    if unknown := sorted(set(found.labels) - set(labels)):
        shown = f"{', '.join(labels[:12])}{' ...' if len(labels) > 12 else ''}"
        raise SourceError(f"{source}: class {unknown[0]!r} is none of the network's; allowed: {shown}")
    chosen = list(found.split("val"))
    random.Random(seed).shuffle(chosen)
    files: list[Path] = []
    classes: list[int] = []
    for each in chosen:
        if len(files) == count:
            break
        try:
            decoded, _ = read_clip(each, 2 * clip.resolution, clip.frames_per_second, clip.seconds)
        except VideoError:  # another will do; that none is readable is told below
            continue
        frames = np.resize(decoded.frames, (clip.frames, *decoded.frames.shape[1:]))  # a short one is repeated
        files.append(folder / f"{len(files)}.npy")
        np.save(files[-1], np.rint(255 * centre_square(frames, clip.resolution)).astype(np.uint8))
        classes.append(labels.index(each.label))
    if not files:
        raise SourceError(f"{source}: no readable clip among {len(chosen)} of the val split")
    return LabelledClips(tuple(files), tuple(classes))
