"""How sure an accuracy is, by the number of clips that it was counted on: Wilson's interval.  Standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964  # standard deviations of a normal that 95 % lie within


@dataclass(frozen=True)
class Accuracy:
    """A share in [0, 1] of so many clips; clips None: no share that is counted, such as a mean average precision."""

    value: float
    clips: int | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the accuracy on endless clips of this kind lies, 19 times of 20 (Wilson, 1927); None without clips."""
        if not self.clips:
            return None
        share, spread = round(self.value * self.clips) / self.clips, Z**2 / self.clips
        centre = (share + spread / 2) / (1 + spread)
        half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
        return max(centre - half, 0.0), min(centre + half, 1.0)

    def __str__(self) -> str:
        """In percent with its interval: 71.2% (67.0-75.1)."""
        return self.percent(1)

    def percent(self, digits: int) -> str:
        """With so many digits after the point: 71% (67-75) with none."""
        if self.interval is None:
            return f"{self.value:.{digits}%}"
        low, high = (f"{100 * end:.{digits}f}" for end in self.interval)
        return f"{self.value:.{digits}%} ({low}-{high})"

    def is_like(self, other: Accuracy) -> bool:
        """Whether the two may be equal but for noise: 0 lies within the interval of their difference.

        By Newcombe's interval (1998, method 10), as if they had been counted on different clips. False without clips.
        """
        if self.value < other.value:
            return other.is_like(self)
        if self.interval is None or other.interval is None:
            return False
        down, up = self.value - self.interval[0], other.interval[1] - other.value
        return self.value - other.value <= math.hypot(down, up)

    def is_like_chance(self, chance: float) -> bool:
        """Whether guessing, right with this probability, may have done as well."""
        return self.interval is not None and self.interval[0] <= chance
