"""What networks are measured by: names, units and directions, as `search.objectives` and the plots know them.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from results.record import TrialRecord


@dataclass(frozen=True)
class Axis:
    """label: of a plot's axis.  unit: in which it is shown, and a table's column; `scale` of a record's."""

    name: str
    label: str
    unit: str
    direction: Literal["max", "min"]
    scale: float = 1.0

    def of(self, record: TrialRecord) -> float:
        """A scored record's value, in the record's unit."""
        return record.value(self.name)

    def shown(self, value: float) -> str:
        """A value with its unit, in three digits."""
        return f"{value / self.scale:.3g} {self.unit}"

    def cell(self, value: float) -> str:
        """A value in a table whose column is called by the unit."""
        return f"{value / self.scale:,.2f}"


AXES = {
    axis.name: axis
    for axis in (
        Axis("accuracy", "accuracy", "", "max"),
        Axis("flops", "MFLOPs per clip (one multiply-add = 1)", "MFLOPs", "min", 1e6),
        Axis("parameters", "thousands of parameters", "k parameters", "min", 1e3),
        Axis("activation_bytes", "KiB of activations, the largest at a time", "KiB of activations", "min", 1024),
        Axis("buffer_bytes", "KiB of stream buffers", "KiB of buffers", "min", 1024),
        Axis("latency_ms", "milliseconds per clip", "ms", "min"),
    )
}


def cost_axes(records: Iterable[TrialRecord]) -> list[Axis]:
    """The costs that a run's records were searched by beside accuracy; FLOPs, where they do not say."""
    named = next((record.objectives for record in records if record.objectives), {})
    return [AXES[name] for name in named if name != "accuracy"] or [AXES["flops"]]
