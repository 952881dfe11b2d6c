"""Which clips there are: Kinetics CSVs, lists of path and label, TFRecord files or class folders, told by themselves.

Standard library only.  Nothing is decoded here; what a list names but the disk lacks is counted, not fatal.
"""

from __future__ import annotations

import glob
import os
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from movinet.data.sources.clip_set import (
    VIDEO_SUFFIXES,
    ClipFile,
    ClipSet,
    SourceError,
    files_and_frame_folders,
    is_clip,
)
from movinet.data.sources.lists import SUFFIXES, kind_of, lines_of, rows_of

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "validate", "validation", "valid", "dev", "eval"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
ANNOTATIONS = "annotations"  # the folder for lists beside those of clips, as Kinetics archives have it
SHARD = re.compile(r"\.tfrecords?(-\d+-of-\d+)?$|-\d{5}-of-\d{5}$")  # files of records


def read_source(
    path: str | Path,
    val_share: float = 0.25,
    seed: int = 0,
    frames_per_second: float | None = None,
    labelled: bool = True,
) -> ClipSet:
    """The clips at `path`: a folder (class folders, or with lists or records in it), one list file, or TFRecord files.

    Lists: Kinetics (label,youtube_id,time_start,time_end,split), a table with a header (path,label[,split]), or lines
    of "path label".  Records: one file or a pattern ("shards/train-*"), the split told by the file's name.  A clip may
    be a folder of pictures; `frames_per_second` is their rate where a table's column of that name tells none.  Split
    names are normalised to train, val and test.  Without a val split, the test split serves as val; without both, a
    share `val_share` of each class, chosen by `seed`.  Without `labelled`, every other clip of the folder comes, too,
    its label and split empty.  Raises SourceError when nothing is found.
    """
    path = Path(path)
    if not 0 < val_share < 1:
        raise SourceError(f"val_share={val_share!r} is not allowed; allowed: a number > 0 and < 1")
    if frames_per_second is not None and frames_per_second <= 0:
        raise SourceError(f"frames_per_second={frames_per_second!r} is not allowed; allowed: a number > 0")
    found = _found(path)
    if not labelled and path.is_dir():
        found = _with_others(found, path)
    if not found.clips:
        missing = f"; {len(found.missing)} listed clips are missing, e.g. {found.missing[0]}" if found.missing else ""
        missing += f"; {found.broken[0][0]}: {found.broken[0][1]}" if found.broken else ""
        missing += f"; {found.unlabelled} clips have no label" if found.unlabelled else ""
        raise SourceError(
            f"{path}: no labelled clips found{missing}; looked for Kinetics CSVs (label,youtube_id,time_start,time_end,"
            "split), lists of path,label[,split], TFRecord files and class folders of videos or frame folders"
        )
    clips = (*_with_val([c for c in found.clips if c.label], val_share, seed), *(c for c in found.clips if not c.label))
    if frames_per_second is not None:
        clips = tuple(replace(c, frames_per_second=c.frames_per_second or frames_per_second) for c in clips)
    return replace(found, labels=tuple(sorted({clip.label for clip in clips if clip.label})), clips=clips)


def _found(path: Path) -> ClipSet:
    if path.is_dir():
        return _from_folder(path)
    matching = [path] if path.exists() else [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    if not matching:
        raise SourceError(f"{path}: no such file or folder")
    if path != matching[0] or _is_shard(path):
        return _from_shards(matching)
    if kind_of(path) is None:
        raise SourceError(f"{path}: not a list of clips; allowed: a folder, or a list with a clip and its label a line")
    return _from_lists(matching, path.parent.parent if path.parent.name == ANNOTATIONS else path.parent)


def _from_folder(folder: Path) -> ClipSet:
    lists = [
        file
        for place in (folder, folder / ANNOTATIONS)
        if place.is_dir()
        for file in sorted(place.iterdir())
        if file.suffix.lower() in SUFFIXES and file.is_file() and kind_of(file)
    ]
    if lists:
        return _from_lists(lists, folder)
    shards = [file for file in files_and_frame_folders(folder) if _is_shard(file)]
    return _from_shards(shards) if shards else _from_class_folders(folder)


def _is_shard(path: Path) -> bool:
    return bool(SHARD.search(path.name))


def _from_shards(shards: Sequence[Path]) -> ClipSet:
    from movinet.data.sources.shards import clips_of_shards  # it needs NumPy

    return clips_of_shards([(path, split_in_name(path)) for path in shards])


def _from_class_folders(folder: Path) -> ClipSet:
    """<class>/<file> or <split>/<class>/<file>; deeper folders belong to their class."""
    children = _folders(folder)
    splits = {child: SPLITS[child.name.lower()] for child in children if child.name.lower() in SPLITS}
    is_split = len(splits) > 1 or (len(splits) == 1 and len(children) == 1)
    clips, ignored, broken, loose = [], [], [], 0
    for root, split in splits.items() if is_split else [(folder, "")]:
        loose += sum(is_clip(file) for file in root.iterdir() if file.is_file())
        for class_folder in _folders(root):
            for file in sorted(files_and_frame_folders(class_folder, broken)):
                if is_clip(file):
                    clips.append(ClipFile(file, class_folder.name, split))
                else:
                    ignored.append(file)
    return ClipSet((), tuple(clips), unlabelled=loose, ignored=tuple(ignored), broken=tuple(broken))


def _with_others(found: ClipSet, folder: Path) -> ClipSet:
    """With all that lies in the folder, of lists what they do not name; nothing of a folder of records."""
    if any(clip.offset is not None for clip in found.clips):
        return found
    known = {clip.path for clip in found.clips} | set(found.ignored)
    broken: list[tuple[str, str]] = []
    others = [file for file in sorted(files_and_frame_folders(folder, broken)) if file not in known]
    clips = [ClipFile(file, "", "") for file in others if is_clip(file)]
    ignored = [] if found.clips else [file for file in others if not is_clip(file)]
    return replace(
        found, clips=(*found.clips, *clips), unlabelled=0, ignored=(*found.ignored, *ignored), broken=tuple(broken)
    )


def _from_lists(lists: Sequence[Path], root: Path) -> ClipSet:
    kinetics = [file for file in lists if kind_of(file) == "kinetics"]
    return _from_kinetics(kinetics, root) if kinetics else _from_tables(lists, root)


def _from_kinetics(lists: Iterable[Path], root: Path) -> ClipSet:
    files, broken = defaultdict(list), []
    for file in files_and_frame_folders(root, broken):
        if is_clip(file):
            files[ClipFile(file, "").name].append(file)
    clips, missing, unlabelled = {}, [], 0
    for table in lists:
        for row in rows_of(table):
            label = (row.get("label") or "").strip().strip('"').strip()
            if not label:
                unlabelled += 1
                continue
            name = _kinetics_name(row, table)
            split = _split_name(row.get("split") or table.stem)
            candidates = files.get(name) or files.get(row["youtube_id"].strip())
            if not candidates:
                missing.append(f"{label}/{name}")
            else:
                clips[name, split] = ClipFile(_best(candidates, label, split), label, split)
    return ClipSet((), tuple(clips.values()), tuple(missing), unlabelled, broken=tuple(broken))


def _kinetics_name(row: dict[str, str], table: Path) -> str:
    try:
        return f"{row['youtube_id'].strip()}_{int(float(row['time_start'])):06d}_{int(float(row['time_end'])):06d}"
    except (TypeError, ValueError, KeyError) as error:
        raise SourceError(f"{table}: row {row!r} lacks a numeric time_start or time_end") from error


def _best(candidates: list[Path], label: str, split: str) -> Path:
    """Of files of one name, that in the label's own folder; class folders are spelt with spaces, underscores, ..."""

    def fit(file: Path) -> tuple[bool, bool, str]:
        parents = [parent.name for parent in file.parents]
        in_class = any(_letters(parent) == _letters(label) for parent in parents)
        in_split = any(SPLITS.get(parent.lower()) == split for parent in parents)
        return not in_class, not in_split, str(file)

    return min(candidates, key=fit) if len(candidates) > 1 else candidates[0]


def _from_tables(lists: Iterable[Path], root: Path) -> ClipSet:
    clips, missing, unlabelled = [], [], 0
    for table in lists:
        from_name = split_in_name(table)
        for row in rows_of(table) if kind_of(table) == "table" else lines_of(table):
            name, label = (row["path"] or "").strip(), (row["label"] or "").strip()
            file = next((place / name for place in (table.parent, root) if name and os.path.exists(place / name)), None)
            if not label:
                unlabelled += 1
            elif file is None:
                missing.append(name)
            else:
                clip = ClipFile(file, label, _split_name(row.get("split") or from_name))
                clips.append(clip if file.suffix.lower() in VIDEO_SUFFIXES else _with_columns(clip, row, table))
    return ClipSet((), tuple(clips), tuple(missing), unlabelled)


def _with_columns(clip: ClipFile, row: dict[str, str], table: Path) -> ClipFile:
    """The rate of a folder of pictures, or the place of a record in its file, as the row tells it."""
    try:
        rate, offset = float(row.get("frames_per_second") or 0), row.get("offset")
        if offset:
            return replace(clip, offset=int(offset), key=row.get("key") or None)
        return replace(clip, frames_per_second=rate) if rate > 0 and clip.path.is_dir() else clip
    except ValueError as error:
        raise SourceError(f"{table}: row {row!r} has no number as frames_per_second or offset") from error


def _with_val(clips: Sequence[ClipFile], val_share: float, seed: int) -> tuple[ClipFile, ...]:
    clips = [clip if clip.split else replace(clip, split="train") for clip in clips]
    splits = {clip.split for clip in clips}
    if "val" in splits:
        return tuple(clips)
    if splits == {"train", "test"}:
        return tuple(replace(clip, split="val") if clip.split == "test" else clip for clip in clips)
    held_out = _share_of_each_class(clips, val_share, seed)
    return tuple(replace(clip, split="val" if clip in held_out else "train") for clip in clips)


def _share_of_each_class(clips: Iterable[ClipFile], share: float, seed: int) -> set[ClipFile]:
    """At least one clip of each class that has two, never all; independent of the other classes and of the order."""
    by_label = defaultdict(list)
    for clip in clips:
        by_label[clip.label].append(clip)
    chosen: set[ClipFile] = set()
    for label, members in by_label.items():
        members = sorted(members, key=lambda clip: (clip.path.name, str(clip.path), clip.offset or 0))
        random.Random(f"{seed}/{label}").shuffle(members)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        chosen.update(members[:count])
    return chosen


def split_in_name(path: Path) -> str:
    """The split that a file's name holds as a word: kinetics_train_25fps-00000-of-00010."""
    words = re.split(r"\W|_", path.name.lower())
    return next((split for name, split in SPLITS.items() if name in words), "")


def _split_name(text: str) -> str:
    name = text.strip().lower()
    return SPLITS.get(name, "") if name else ""


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
