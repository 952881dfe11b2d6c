"""What looks wrong about the classes of a set of clips. Standard library only."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

from movinet.data.sources.clip_set import ClipSet

SHOWN = 5


def doubts_of_classes(clips: ClipSet) -> list[str]:
    """A line on classes that only one of train and val has, and one on classes that are spelt in two ways."""
    found = {split: {clip.label for clip in clips.split(split)} for split in ("train", "val")}
    lines = []
    for split, other in (("val", "train"), ("train", "val")):
        alone = sorted(found[split] - found[other])
        if found[other] and alone:
            lines.append(f"{len(alone)} classes have clips in {split} and none in {other}: {_some(alone)}")
    spelt = defaultdict(set)
    for label in clips.labels:
        spelt[unicodedata.normalize("NFKC", label).casefold()].add(label)
    lines += [
        f"classes that differ in spelling alone: {_some(sorted(names))}" for names in spelt.values() if len(names) > 1
    ]
    return lines


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
