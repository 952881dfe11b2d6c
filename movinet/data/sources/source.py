"""Which clips there are: lists of many forms, TFRecord files or class folders, told by themselves.

Standard library only.  Nothing is decoded here; what a list names but the disk lacks is counted, not fatal.
"""

from __future__ import annotations

import glob
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from movinet.data.sources.clip_set import (
    ClipFile,
    ClipSet,
    SourceError,
    files_and_frame_folders,
    is_clip,
    is_litter,
    is_text,
    printable,
)
from movinet.data.sources.doubts import doubts_of_classes
from movinet.data.sources.finder import Finder
from movinet.data.sources.list_files import Found, list_files, read_lists
from movinet.data.sources.listed import clips_of_lists
from movinet.data.sources.splits import split_in_name, split_of

SHARD = re.compile(r"\.tfrecords?(-\d+-of-\d+)?$|-\d{5}-of-\d{5}$")  # files of records
UCF_PART = re.compile(r"(v_\w+_g\d+)_c\d+$")
LOOKED_FOR = (
    "looked for Kinetics CSVs (label,youtube_id,time_start,time_end,split), lists of path,label[,split], TFRecord "
    "files and class folders of videos or frame folders"
)


def read_source(
    path: str | Path,
    val_share: float = 0.25,
    seed: int = 0,
    frames_per_second: float | None = None,
    labelled: bool = True,
    fold: int = 1,
    root: str | Path | None = None,
) -> ClipSet:
    """The clips at `path`: a folder (class folders, or with lists or records in it), one list file, or TFRecord files.

    Lists are told by what they hold: tables with a header (path,label[,split,start,end] and names alike, JSON too),
    Kinetics', and lines that begin with a clip.  Of lists that are alternatives, `fold` chooses.
    `root` stands for the beginning of paths that were written elsewhere.  Records: one file or a pattern
    ("shards/train-*"), the split told by the file's name.  A clip may be a folder of pictures; `frames_per_second` is
    their rate where a table's column of that name tells none.  Split names are normalised to train, val and test, and
    clips of others are left out.  Without a val split a share `val_share` of each class, or of the videos whose parts
    are clips, is chosen by `seed` from those to train on; a test split beside them stays what it is.  Without
    `labelled`, every other clip of the folder comes, too, its label and split empty.  Raises SourceError when nothing
    is found.
    """
    path = Path(path)
    if not 0 < val_share < 1:
        raise SourceError(f"val_share={val_share!r} is not allowed; allowed: a number > 0 and < 1")
    if frames_per_second is not None and frames_per_second <= 0:
        raise SourceError(f"frames_per_second={frames_per_second!r} is not allowed; allowed: a number > 0")
    found = _found(path, fold, Path(root).expanduser() if root else None, frames_per_second)
    if not labelled and path.is_dir():
        found = _with_others(found, path)
    found = _nameable(found)
    if not found.clips:
        raise SourceError(f"{path}: no labelled clips found{_why(found)}; {LOOKED_FOR}")
    clips = (*_with_val([c for c in found.clips if c.label], val_share, seed), *(c for c in found.clips if not c.label))
    if frames_per_second is not None:
        clips = tuple(replace(c, frames_per_second=c.frames_per_second or frames_per_second) for c in clips)
    labels = tuple(sorted({clip.label for clip in clips if clip.label}))
    found = replace(found, labels=labels, clips=clips)
    return replace(found, notes=(*found.notes, *doubts_of_classes(found)))


def _nameable(found: ClipSet) -> ClipSet:
    """Clips whose names no list could hold are left out with the reason."""
    unnameable = [clip for clip in found.clips if not is_text(f"{clip.path}{clip.label}")]
    if not unnameable:
        return replace(found, ignored=tuple(file for file in found.ignored if is_text(str(file))))
    reason = "its name is not in UTF-8; rename it"
    return replace(
        found,
        clips=tuple(clip for clip in found.clips if clip not in unnameable),
        ignored=tuple(file for file in found.ignored if is_text(str(file))),
        broken=(*found.broken, *((printable(str(clip.path)), reason) for clip in unnameable)),
    )


def _why(found: ClipSet) -> str:
    """What there was instead of clips."""
    parts = []
    if found.missing:
        some = found.missing[:3]
        parts.append(f"{len(found.missing)} listed clips are missing, e.g. {', '.join(some)}")
        if any(re.match(r"[A-Za-z]:|[/\\]", name) for name in some):
            parts[-1] += " (data.root replaces the beginning of paths that were written elsewhere)"
    parts += [f"{found.broken[0][0]}: {found.broken[0][1]}"] if found.broken else []
    parts += [f"{found.unlabelled} clips have no label"] if found.unlabelled else []
    return "".join(f"; {part}" for part in (*parts, *found.notes))


def _found(path: Path, fold: int, prefix: Path | None, rate: float | None) -> ClipSet:
    if path.is_dir():
        return _from_folder(path, fold, prefix, rate)
    matching = [path] if path.exists() else [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    if not matching:
        raise SourceError(f"{path}: no such file or folder")
    if path != matching[0] or _is_shard(path):
        return _from_shards(matching)
    return _from_list(path, fold, prefix, rate)


def _from_list(path: Path, fold: int, prefix: Path | None, rate: float | None) -> ClipSet:
    """One list; its clips lie beside it, or beside its folder where that holds lists alone."""
    finder = Finder(_root_of(path.parent), [path.parent], prefix)
    read = read_lists([path], finder, beside=[file for file in list_files(path.parent) if file != path])
    if not read.lists:
        reason = read.unread[0][1] if read.unread else "it is no text"
        raise SourceError(
            f"{path}: not a list of clips; allowed: a folder, or a list with a clip and its label a line ({reason})"
        )
    return clips_of_lists(read.lists, finder, read.names, fold, rate)


def _root_of(folder: Path) -> Path:
    """Where the clips of lists in a folder lie: below it, or beside it where it holds lists alone, and no folder."""
    lists_alone = not any(child.is_dir() or is_clip(child) for child in folder.iterdir())
    return folder.absolute().parent if lists_alone else folder


def _from_folder(folder: Path, fold: int, prefix: Path | None, rate: float | None) -> ClipSet:
    files = list_files(folder)
    read = Found()
    if files:
        finder = Finder(_root_of(folder), list(dict.fromkeys(file.parent for file in files)), prefix)
        read = read_lists(files, finder)
    notes = read.notes(folder)
    if read.lists:
        read.refuse_half()
        found = clips_of_lists(read.lists, finder, read.names, fold, rate)
        return replace(found, notes=(*notes, *found.notes))
    shards = [file for file in files_and_frame_folders(folder) if _is_shard(file)]
    found = _from_shards(shards) if shards else _from_class_folders(folder)
    if fold != 1:
        raise SourceError(f"data.fold={fold} is not allowed: {folder} has no lists of folds")
    return replace(found, notes=(*notes, *found.notes))


def _is_shard(path: Path) -> bool:
    return bool(SHARD.search(path.name))


def _from_shards(shards: Sequence[Path]) -> ClipSet:
    from movinet.data.sources.shards import clips_of_shards  # it needs NumPy

    return clips_of_shards([(path, split_in_name(path.name)) for path in shards])


def _from_class_folders(folder: Path) -> ClipSet:
    """<class>/<file> or <split>/<class>/<file>; deeper folders belong to their class."""
    children = _folders(folder)
    splits = {child: split for child in children if (split := split_of(child.name))}
    is_split = len(splits) > 1 or (len(splits) == 1 and len(children) == 1)
    clips, ignored, broken, loose = [], [], [], 0
    others = {
        child.name: sum(map(is_clip, files_and_frame_folders(child))) for child in children if child not in splits
    }
    notes = [
        f"{name} is no split's name; its {count} clips are left out (allowed: train, val, test)"
        for name, count in others.items()
        if is_split and count
    ]
    for root, split in splits.items() if is_split else [(folder, "")]:
        loose += sum(is_clip(file) for file in root.iterdir() if file.is_file() and not is_litter(file.name))
        for class_folder in _folders(root):
            for file in sorted(files_and_frame_folders(class_folder, broken)):
                if is_clip(file):
                    clips.append(ClipFile(file, class_folder.name, split))
                else:
                    ignored.append(file)
    found = ClipSet((), tuple(clips), unlabelled=loose, ignored=tuple(ignored), broken=tuple(broken))
    return replace(found, notes=tuple(notes))


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


def _with_val(clips: Sequence[ClipFile], val_share: float, seed: int) -> tuple[ClipFile, ...]:
    clips = [clip if clip.split else replace(clip, split="train") for clip in clips]
    splits = {clip.split for clip in clips}
    if "val" in splits:
        return tuple(clips)
    kept = {"test"} if "train" in splits else set()
    others = [clip for clip in clips if clip.split not in kept]
    choose = _share_of_videos if any(clip.start or clip.end for clip in others) else _share_of_each_class
    held_out = choose(others, val_share, seed)
    return tuple(
        clip if clip.split in kept else replace(clip, split="val" if clip in held_out else "train") for clip in clips
    )


def _share_of_videos(clips: Sequence[ClipFile], share: float, seed: int) -> set[ClipFile]:
    """All parts of some videos, at least of one, never of all, for parts of one video look alike: of one video none."""
    videos = sorted({clip.path for clip in clips}, key=str)
    random.Random(seed).shuffle(videos)
    chosen = set(videos[: min(max(1, round(share * len(videos))), len(videos) - 1)])
    return {clip for clip in clips if clip.path in chosen}


def _share_of_each_class(clips: Iterable[ClipFile], share: float, seed: int) -> set[ClipFile]:
    """At least one clip of each class that has two, never all; independent of the other classes and of the order.

    Clips of one video by their names stay together.
    """
    by_label: dict[str, dict[str, list[ClipFile]]] = defaultdict(lambda: defaultdict(list))
    for clip in sorted(clips, key=lambda clip: (clip.path.name, str(clip.path), clip.offset or 0)):
        by_label[clip.label][_video_of(clip)].append(clip)
    chosen: set[ClipFile] = set()
    for label, videos in by_label.items():
        members = list(videos.values())
        random.Random(f"{seed}/{label}").shuffle(members)
        wanted = max(1, round(share * sum(map(len, members))))
        for parts in members[:-1]:
            if wanted > 0:
                chosen.update(parts)
                wanted -= len(parts)
    return chosen


def _video_of(clip: ClipFile) -> str:
    """What a clip was cut from: of UCF101's v_Walk_g01_c03 the group v_Walk_g01; any other is a video of its own."""
    group = UCF_PART.match(clip.path.stem)
    return group[1] if group else f"{clip.path}:{clip.offset}"


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not is_litter(child.name))
