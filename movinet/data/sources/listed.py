"""The clips of lists: lists that are alternatives chosen, names found on the disk, numbers of classes named.

Standard library only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from movinet.data.sources.clip_set import (
    DEFAULT_FRAME_RATE,
    SEPARATOR,
    VIDEO_SUFFIXES,
    ClipFile,
    ClipSet,
    SourceError,
    pictures,
)
from movinet.data.sources.finder import Finder
from movinet.data.sources.lists import ClipList, Row
from movinet.data.sources.splits import split_in_name, split_of


def clips_of_lists(
    lists: Sequence[ClipList], finder: Finder, names: Mapping[int, str], fold: int, rate: float | None
) -> ClipSet:
    """The clips that lists name, of alternatives those of one fold.

    names: what the numbers of classes mean;  rate: frames a second of folders of pictures that tell none.
    """
    lists, notes = _of_fold(lists, fold)
    clips: list[ClipFile] = []
    missing: list[str] = []
    others: Counter[str] = Counter()
    for each in lists:
        in_name, kinetics = split_in_name(each.path.name), {}
        found = []
        for row in each.rows:
            split = split_of(row.split) if row.split else in_name
            if split is None:
                others[row.split] += 1
                continue
            name, path = _found(row, finder, split)
            if path is None:
                missing += _missing(row)
            elif row.is_kinetics:
                kinetics[name, split] = ClipFile(path, row.label, split)
            else:
                found.append(_clip(row, name, path, split, each.path, rate))
        clips += [*found, *kinetics.values()]
    clips, unlabelled = _labelled(clips, names)
    if others:
        words = ", ".join(f"{word} ({count})" for word, count in sorted(others.items())[:5])
        notes.append(f"{others.total()} clips of other splits are left out: {words}; allowed: train, val, test")
    unlabelled += sum(not row.label for each in lists for row in each.rows if row.is_kinetics and _missing(row) == [])
    return ClipSet((), tuple(_once(clips)), tuple(missing), unlabelled, broken=tuple(finder.broken), notes=tuple(notes))


def _found(row: Row, finder: Finder, split: str) -> tuple[str, Path | None]:
    if row.is_kinetics and not row.label:
        return "", None
    places = ((name, finder.find(name, row.label, split)) for name in row.names if name)
    return next(((name, path) for name, path in places if path is not None), ("", None))


def _missing(row: Row) -> list[str]:
    """What a row names, for people; nothing of Kinetics' rows without a label, which are not looked for."""
    if row.is_kinetics:
        return [f"{row.label}/{row.names[0]}"] if row.label else []
    return [row.names[0]]


def _clip(row: Row, name: str, path: Path, split: str, table: Path, rate: float | None) -> ClipFile:
    clip = ClipFile(path, row.label, split)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return replace(clip, start=row.times[0], end=row.times[1]) if name == row.names[-1] else clip
    try:
        own, offset = float(row.columns.get("frames_per_second") or 0), row.columns.get("offset")
        if offset:
            return replace(clip, offset=int(offset), key=row.columns.get("key") or None)
    except ValueError as error:
        raise SourceError(f"{table}: row {row.columns!r} has no number as frames_per_second or offset") from error
    clip = replace(clip, frames_per_second=own) if own > 0 and path.is_dir() else clip
    return _part_of_folder(clip, row, own or rate or DEFAULT_FRAME_RATE) if path.is_dir() else clip


def _part_of_folder(clip: ClipFile, row: Row, rate: float) -> ClipFile:
    """The pictures from the first to the last that a row names, by the numbers in their names."""
    if row.frames is None:
        return replace(clip, start=row.times[0], end=row.times[1])
    files = pictures(clip.path)
    digits = "".join(c if c.isdecimal() else " " for c in files[0].stem).split() if files else []
    zero = int(digits[-1]) if digits else 1
    first, count = max(0, row.frames[0] - zero), row.frames[1] - row.frames[0] + 1
    if first == 0 and count >= len(files):
        return clip
    return replace(clip, start=first / rate or None, end=(first + count) / rate, frames_per_second=rate)


def _of_fold(lists: Sequence[ClipList], fold: int) -> tuple[list[ClipList], list[str]]:
    """Lists whose numbers are those of folds, which name the same clips, are alternatives: those of one, and a note."""
    numbers = sorted({each.fold for each in lists if each.fold is not None})
    if not _overlap(lists):
        if fold not in (1, *numbers):
            raise SourceError(f"data.fold={fold} is not allowed: the lists are no folds")
        return list(lists), []
    chosen = min(numbers) if fold == 1 else fold
    if chosen not in numbers:
        raise SourceError(f"data.fold={fold} is not allowed; allowed: {', '.join(map(str, numbers))}")
    unused = [each.path.name for each in lists if each.fold not in (None, chosen)]
    text = ", ".join(unused[:3]) + (f" and {len(unused) - 3} more" if len(unused) > 3 else "")
    note = f"fold {chosen} of {', '.join(map(str, numbers))} is used, not {text} (data.fold chooses)"
    return [each for each in lists if each.fold in (None, chosen)], [note]


def _overlap(lists: Iterable[ClipList]) -> bool:
    seen: dict[tuple, int] = {}
    for each in lists:
        if each.fold is not None:
            for row in each.rows:
                if seen.setdefault((row.names, row.times, row.frames), each.fold) != each.fold:
                    return True
    return False


def _labelled(clips: Sequence[ClipFile], names: Mapping[int, str]) -> tuple[list[ClipFile], int]:
    """Clips with the names of their classes, and how many have none.

    Numbers are named by a list of classes, or by class folders where each number has one of its own; a clip without
    a label has that of its folder, where this is called like a class.
    """
    labels = {label for clip in clips for label in clip.label.split(SEPARATOR) if label}
    named: Mapping[str, str] = {}
    if labels and all(label.isdecimal() for label in labels):
        named = {label: names[int(label)] for label in labels if int(label) in names}
        if len(named) < len(labels):
            named = _by_folders(clips)
    known = {*labels, *named.values(), *names.values()}
    done, unlabelled = [], 0
    for clip in clips:
        label = SEPARATOR.join(sorted(named.get(each, each) for each in clip.label.split(SEPARATOR)))
        folder = clip.path.parent.name
        label = label or (folder if folder in known else "")
        unlabelled += not label
        done += [replace(clip, label=label)] if label else []
    return done, unlabelled


def _by_folders(clips: Iterable[ClipFile]) -> dict[str, str]:
    folders: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        if clip.label:
            folders[clip.label].add(clip.path.parent.name)
    pairs = {label: next(iter(found)) for label, found in folders.items() if len(found) == 1}
    alone = len(pairs) == len(folders) > 1 and len(set(pairs.values())) == len(pairs)
    return pairs if alone and not any(SEPARATOR in label for label in pairs) else {}


def _once(clips: Iterable[ClipFile]) -> list[ClipFile]:
    """Without what a second list says again, in the same split or without one."""
    found: dict[tuple, ClipFile] = {}
    for clip in clips:
        key = (clip.place, clip.start, clip.end, clip.label)
        if key in found and found[key].split and clip.split and found[key].split != clip.split:
            key = (*key, clip.split)
        if key not in found or not found[key].split:
            found[key] = clip
    return list(found.values())
