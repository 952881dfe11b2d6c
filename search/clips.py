"""The clips of a search: those that its candidates can ask for, decoded once for all trials."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from movinet.data import prepare as decoded
from movinet.data.cache import FrameCache
from movinet.data.prepare import DataSettings, read_clips
from movinet.data.sources.clip_set import ClipFile, SourceError
from movinet.machine.files import write_whole
from movinet.spec import ClipSpec
from search.folder import NOTES_FILE
from search.view.listener import Listener
from space.network import clip
from space.space import Space

EXAMPLE_FILE, EXAMPLE_SIDE, EXAMPLE_SECONDS = "example.mp4", 256, 10.0
EXAMPLES = 20  # clips that may not decode before none is shown


def prepare(
    data: DataSettings, clips: Iterable[ClipSpec], listener: Listener, run_folder: Path | None = None
) -> FrameCache:
    """The frames that these clips need, as `movinet.data.prepare.prepare`; the listener hears how far it is.

    What is left out, such as clips that do not decode, it hears in a line each; `run_folder`'s notes.txt keeps them.
    """
    notes: list[str] = []
    cache = decoded.prepare(data, clips, listener.on_data, notes.append)
    for line in notes:
        listener.on_note(line)
    if notes and run_folder:
        path = run_folder / NOTES_FILE
        known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        write_whole(path, "".join(f"{line}\n" for line in dict.fromkeys([*known, *notes])))
    return cache


def clips_of(space: Space) -> list[ClipSpec]:
    """Every clip that a candidate of the space can ask for."""
    chosen = [dict(space.fixed)]
    for decision in space.decisions:
        if decision.name.startswith("clip."):
            chosen = [{**values, decision.name: value} for values in chosen for value in decision.values]
    return [clip(values) for values in chosen]


def clips_of_run(data: DataSettings, split: str) -> tuple[ClipFile, ...]:
    """The clips of one split that the run was given, in the list's order. Raises SourceError where they are gone."""
    return read_clips(data).split(split)


def example_video(data: DataSettings, run_folder: Path) -> Path | None:
    """A video of the run's validation split, which the networks were not trained on; None where there is none.

    A clip that is a record, or a part of a file, is written to the run's example.mp4. Those that do not decode are
    passed over.
    """
    try:
        clips = clips_of_run(data, "val")
    except SourceError:
        return None
    return next(filter(None, (_video_of(clip, run_folder) for clip in clips[:EXAMPLES])), None)


def _video_of(clip: ClipFile, run_folder: Path) -> Path | None:
    from movinet.data.video.encode import mp4
    from movinet.data.video.file import VideoError
    from movinet.data.video.reading import read_clip

    is_whole = clip.offset is clip.start is clip.end is None
    try:
        decoded, rate = read_clip(clip, short_side=None if is_whole else EXAMPLE_SIDE, seconds=EXAMPLE_SECONDS)
    except (VideoError, OSError):
        return None
    if is_whole:
        return clip.path
    write_whole(run_folder / EXAMPLE_FILE, mp4(decoded.frames, rate))
    return run_folder / EXAMPLE_FILE
