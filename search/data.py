"""The clips of a search: those that its candidates can ask for, decoded once for all trials."""

from __future__ import annotations

from collections.abc import Iterable

from movinet.data import prepare as decoded
from movinet.data.cache import FrameCache
from movinet.data.prepare import DataSettings
from movinet.spec import ClipSpec
from search.listener import Listener
from space.candidate import clip
from space.space import Space


def prepare(data: DataSettings, clips: Iterable[ClipSpec], listener: Listener) -> FrameCache:
    """The frames that these clips need, as `movinet.data.prepare.prepare`; the listener hears how far it is."""
    return decoded.prepare(data, clips, listener.on_data)


def clips_of(space: Space) -> list[ClipSpec]:
    """Every clip that a candidate of the space can ask for."""
    chosen = [dict(space.fixed)]
    for decision in space.decisions:
        if decision.name.startswith("clip."):
            chosen = [{**values, decision.name: value} for values in chosen for value in decision.values]
    return [clip(values) for values in chosen]
