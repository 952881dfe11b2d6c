"""Which clips of a large set make a small one: some classes, so many clips of each, the same ones for the same seed."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from movinet.config.errors import InputError
from movinet.data.sources.clip_set import VIDEO_SUFFIXES, ClipFile, ClipSet
from movinet.data.sources.splits import split_in_name


class ChoiceError(InputError):
    """The set does not hold what is asked for; the text names the option, its value and what is there."""


@dataclass(frozen=True)
class Choice:
    """classes: how many, those with the most clips to train on, or at random;  labels: these instead.

    clips: of each class, a number shared out over the splits as they are, or one for each split.
    ids: (name, label, split) of the clips to choose among, as `read_ids` gives them; None: all.
    """

    classes: int | None = None
    labels: tuple[str, ...] = ()
    at_random: bool = False
    clips: int | Mapping[str, int] | None = None
    ids: tuple[tuple[str, str, str], ...] | None = None
    seed: int = 0


@dataclass(frozen=True)
class Group:
    """The clips of one class and split in the order in which they are taken, and how many are wanted."""

    label: str
    split: str
    wanted: int
    clips: tuple[ClipFile, ...]


def choose(clip_set: ClipSet, choice: Choice) -> tuple[list[Group], list[str]]:
    """The groups of a choice, classes sorted; and the ids that the set does not hold. Raises ChoiceError.

    A group holds all clips of its class and split, so that one that does not decode can be replaced by the next.
    """
    clips, absent = (clip_set.clips, []) if choice.ids is None else _with_ids(clip_set.clips, choice.ids)
    if not clips:
        raise ChoiceError(f"no clip is chosen; {len(absent)} ids are not in the source, e.g. {absent[0]}")
    labels = _labels(clips, choice)
    members = defaultdict(list)
    for clip in clips:
        members[clip.label, clip.split].append(clip)
    groups = []
    for label in labels:
        sizes = {split: len(found) for (other, split), found in sorted(members.items()) if other == label}
        for split, wanted in _shares(choice.clips, sizes).items():
            ordered = sorted(set(members[label, split]), key=lambda clip: (clip.name, clip.place))
            random.Random(f"{choice.seed}/{label}/{split}").shuffle(ordered)
            groups += [Group(label, split, wanted, tuple(ordered))] if wanted else []
    if not groups:
        raise ChoiceError("no clip is chosen: --clips asks for splits that the source does not have")
    return groups, absent


def read_ids(files: Sequence[Path]) -> tuple[tuple[str, str, str], ...]:
    """(name, label or "", split or "") of each line: an id, `<id>_000012_000022`, or `label/<id>_000012_000022`.

    The lists of Mini-Kinetics-200 and of few-shot benchmarks look so.  A file whose name holds a split's gives it to
    its clips: few-shot sets are split by class, whatever split the clips had.
    """
    found = []
    for file in files:
        split = split_in_name(file.name)
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ChoiceError(f"{file}: cannot be read as a list of ids ({error})") from error
        for line in filter(None, map(str.strip, lines)):
            label, _, name = line.rpartition("/")
            suffix = Path(name).suffix
            found.append((name.removesuffix(suffix) if suffix.lower() in VIDEO_SUFFIXES else name, label, split))
    if not found:
        raise ChoiceError(f"{', '.join(map(str, files))}: no ids; allowed: lines of [label/]id")
    return tuple(found)


def read_labels(file: Path) -> tuple[str, ...]:
    """The classes of a list, one per line."""
    try:
        labels = tuple(filter(None, map(str.strip, file.read_text(encoding="utf-8-sig").splitlines())))
    except (OSError, UnicodeDecodeError) as error:
        raise ChoiceError(f"{file}: cannot be read as a list of classes ({error})") from error
    if not labels:
        raise ChoiceError(f"{file}: no classes; allowed: one per line")
    return labels


def read_clip_counts(text: str) -> int | dict[str, int]:
    """A number of clips per class, or one per split: "400", "train=400,val=25"."""
    parts = [part.partition("=") for part in text.split(",")]
    split = all(equals and name in ("train", "val", "test") for name, equals, _ in parts)
    numbers = [number if split else name for name, _, number in parts]
    if (
        (not split and len(parts) > 1)
        or not all(number.isdecimal() for number in numbers)
        or not any(map(int, numbers))
    ):
        raise ChoiceError(f"--clips {text} is not allowed; allowed: a number >= 1, or train=400,val=25")
    return {name: int(number) for name, _, number in parts} if split else int(numbers[0])


def _with_ids(clips: Iterable[ClipFile], ids: Iterable[tuple[str, str, str]]) -> tuple[tuple[ClipFile, ...], list[str]]:
    by_name = defaultdict(list)
    for clip in clips:
        for name in {clip.name, re.sub(r"_\d{6}_\d{6}$", "", clip.name)}:
            by_name[name].append(clip)
    chosen: dict[ClipFile, None] = {}
    absent = []
    for name, label, split in ids:
        found = by_name.get(name, [])
        found = [clip for clip in found if _letters(clip.label) == _letters(label)] or found
        found = [clip for clip in found if clip.split == split] or found
        chosen |= dict.fromkeys(replace(clip, split=split or clip.split) for clip in found)
        absent += [] if found else [f"{label}/{name}" if label else name]
    return tuple(chosen), absent


def _labels(clips: Iterable[ClipFile], choice: Choice) -> list[str]:
    train, total = Counter(), Counter()
    for clip in clips:
        total[clip.label] += 1
        train[clip.label] += clip.split == "train"
    if unknown := [label for label in choice.labels if label not in total]:
        raise ChoiceError(f"--labels: {unknown[0]!r} is no class of the source; it has {_some(sorted(total))}")
    if choice.labels:
        return sorted(set(choice.labels))
    count = len(total) if choice.classes is None else choice.classes
    if not 1 <= count <= len(total):
        raise ChoiceError(f"--classes {count} is not allowed; allowed: 1 to {len(total)}, as many as there are")
    if choice.at_random:
        return sorted(random.Random(f"{choice.seed}").sample(sorted(total), count))
    return sorted(sorted(total, key=lambda label: (-train[label], -total[label], label))[:count])


def _shares(clips: int | Mapping[str, int] | None, sizes: Mapping[str, int]) -> dict[str, int]:
    """How many of each split: in proportion (largest remainders), but one of each where there are enough."""
    if clips is None:
        return dict(sizes)
    if isinstance(clips, Mapping):
        return {split: min(size, clips.get(split, 0)) for split, size in sizes.items()}
    total = sum(sizes.values())
    clips = min(clips, total)
    exact = {split: clips * size / total for split, size in sizes.items()}
    shares = {split: int(share) for split, share in exact.items()}
    for split in sorted(sizes, key=lambda split: (shares[split] > 0, shares[split] - exact[split], split)):
        shares[split] += sum(shares.values()) < clips
    if (empty := [split for split in sizes if not shares[split]]) and clips >= len(sizes):
        for split in empty:
            shares[max(shares, key=lambda name: shares[name])] -= 1
            shares[split] = 1
    return shares


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
