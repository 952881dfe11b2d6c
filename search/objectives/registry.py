"""The objectives by the names that `search.objectives` knows; units and directions are data of `results.axes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from results.axes import AXES
from results.record import TrialRecord

UNMEASURED = ("latency_ms",)  # no live search measures it yet


@dataclass(frozen=True)
class Objective:
    """of: a scored record's value, in the record's unit.  unit: in which it is shown."""

    name: str
    unit: str
    direction: Literal["max", "min"]
    of: Callable[[TrialRecord], float]


OBJECTIVES: Mapping[str, Objective] = {
    name: Objective(name, axis.unit, axis.direction, axis.of) for name, axis in AXES.items()
}


def allowed_objectives(names: Sequence[str]) -> str | None:
    """None if a live search may have these objectives; else what is allowed, in words."""
    costs = [name for name in OBJECTIVES if name != "accuracy" and name not in UNMEASURED]
    allowed = f"accuracy and one or two of {', '.join(costs)}"
    if "accuracy" in names and {*names} <= {"accuracy", *costs} and len(names) == len({*names}) in (2, 3):
        return None
    measured = [name for name in names if name in UNMEASURED]
    return f"{allowed} ({', '.join(measured)} is not measured during a search)" if measured else allowed
