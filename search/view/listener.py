"""What a run tells whoever watches it, as plain events; this class hears them all and does nothing.

All methods are called in the driver's main thread and should return at once. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from results.record import TrialRecord

if TYPE_CHECKING:
    from search.settings import ScalingSettings


class Listener:
    """Override what you want to hear."""

    def on_data(self, what: str, done: int, total: int) -> None:
        """Clips are being prepared: `what` is "writing clips" or "decoding clips", `done` of `total` are ready."""

    def on_note(self, text: str) -> None:
        """A line that stays: a kind of thing that is left out of the clips, such as those that do not decode."""

    def on_spent(self, seconds: float) -> None:
        """Earlier processes of this search took so long; told before `on_run`."""

    def on_run(self, total: int | None, workers: int, finished: list[TrialRecord]) -> None:
        """The search begins or goes on: `total` trials in all, of which `finished` are recorded already.

        total: None where the search has no limit of trials (`search.limits`).
        """

    def on_start(self, trial: int | str, cost: int, worker: int) -> None:
        """A worker (0, 1 ...) begins a trial (a number) or a family member (its name).

        cost: by the objective beside accuracy (`results.axes`), in a record's unit.
        """

    def on_epoch(self, trial: int | str, measurement: Mapping[str, Any]) -> None:
        """An epoch ended: the fields of `movinet.training.measurement.Measurement`."""

    def on_record(self, record: TrialRecord) -> None:
        """A trial ended, whatever its status, and its record is on the disk."""

    def on_pause(self, record: TrialRecord) -> None:
        """A trial waits for others to come as far, and its worker is free; recorded as it would be if it ended here."""

    def on_family(self, scaling: ScalingSettings) -> None:
        """A family is trained, or was before: how its best candidate is scaled, and for how many epochs."""

    def on_member(self, name: str, metrics: Mapping[str, Any]) -> None:
        """A family member is trained and written, or was before; metrics as in its metrics.json."""
