"""When a search is over: after so many trials, hours or epochs, whichever comes first.  Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

USUAL_TRIALS = 24  # where nothing is said


@dataclass(frozen=True)
class Limits:
    """trials: that end.  hours: of wall-clock, over all processes of a run.  epochs: of training, over all trials.

    None: as much as the others allow.
    """

    trials: int | None = None
    hours: float | None = None
    epochs: int | None = None

    def __str__(self) -> str:
        parts = {name: value for name, value in vars(self).items() if value is not None}
        words = [f"{value:g} {name.removesuffix('s') if value == 1 else name}" for name, value in parts.items()]
        return words[0] if len(words) == 1 else f"{' or '.join(words)}, whichever ends first"

    def used(self, trials: float, seconds: float, epochs: float) -> float:
        """The share of a search that is over after so much: 1 or more once nothing further is begun."""
        parts = ((trials, self.trials), (seconds / 3600, self.hours), (epochs, self.epochs))
        return max((done / limit for done, limit in parts if limit is not None), default=0.0)
