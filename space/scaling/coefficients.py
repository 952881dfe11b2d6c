"""By how much each quantity of a network grows with phi, and what the videos can still fill."""

from __future__ import annotations

from dataclasses import dataclass, fields

from space.decision import SpaceError


@dataclass(frozen=True)
class Coefficients:
    """By how much each quantity grows when phi grows by 1. The paper's own values were not published.

    FLOPs grow by about depth * width^2 * resolution^2 * frame_rate: 2.0 with the defaults.
    """

    depth: float = 1.2  # layers of each block
    width: float = 1.1  # filters of stem, blocks, expansions and the head's projection
    resolution: float = 1.15  # pixels
    frame_rate: float = 1.05  # frames and frames per second; the clip's seconds stay

    def __post_init__(self):
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in values.items():
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (is_number and 1 <= value <= 4):
                raise SpaceError(f"Coefficients.{name}={value!r} is not allowed; allowed: a number, 1 to 4")
        if max(values.values()) == 1:
            raise SpaceError("Coefficients: all four are 1; allowed: one above 1 or more")


@dataclass(frozen=True)
class Limits:
    """What the videos can still fill: scaling asks for no more. What is above a limit before scaling stays there."""

    resolution: int | None = None  # pixels
    frames_per_second: float | None = None
