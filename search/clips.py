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


def example_video(data: DataSettings) -> Path | None:
    """A video of the validation split, which the networks were not trained on; None where there is none."""
    try:
        clips = clips_of_run(data, "val")
    except SourceError:
        return None
    return next((clip.path for clip in clips if clip.offset is None), None)
