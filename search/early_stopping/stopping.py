"""The contract of every early stopping: the curves so far in, go on or stop out.  Knows nothing of Ray.

Pure, so that a simulator can drive it, and a resumed run decides as if it had never stopped.  Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from movinet.config.choice import NoSettings
from movinet.config.typed import require


@dataclass(frozen=True)
class Curve:
    """How a trial has done so far.

    costs: name -> value, as in a record.  accuracies: after each epoch, in [0, 1].
    """

    trial: int
    costs: Mapping[str, float]
    accuracies: tuple[float, ...]

    def best(self, epoch: int) -> float:
        """The greatest accuracy of its first `epoch` epochs."""
        return max(self.accuracies[:epoch])

    def point(self, costs: Sequence[str], epoch: int) -> tuple[float, ...]:
        """These costs, then the best accuracy of its first `epoch` epochs: a point of `results.pareto`."""
        return (*(self.costs[name] for name in costs), self.best(epoch))


class EarlyStopping:
    """Lets every trial go on to its end; a subclass decides in `goes_on`.

    Settings: the subclass's frozen dataclass, of which it is given one.  epochs: of a whole trial.  costs: names of
    the costs that networks are compared by beside accuracy.  Raises InputError where settings do not fit the epochs.
    """

    Settings: ClassVar[type] = NoSettings
    pauses: ClassVar[bool] = False  # what does not go on is not over: it may be the next one up

    def __init__(self, settings: Any, epochs: int, costs: Sequence[str] = ("flops",)):
        self.settings, self.epochs, self.costs = settings, epochs, costs

    def goes_on(self, curve: Curve, others: Sequence[Curve]) -> bool:
        """Whether the trial, whose last epoch has just ended, is trained for another.

        others: all other trials of the run so far, in training or ended, in any order.
        """
        return True

    def next_up(self, paused: Sequence[Curve], others: Sequence[Curve]) -> int | None:
        """The trial, of those paused, that a free worker takes up again; None: it begins a new one.

        others: all trials of the run so far that are not paused.
        """
        return None


@dataclass(frozen=True)
class RungSettings:
    """grace_epochs: that every trial gets.  reduction: one trial in so many goes on."""

    grace_epochs: int = 1
    reduction: float = 2.0

    def __post_init__(self):
        require(self.grace_epochs >= 1, self, "grace_epochs", "an integer >= 1")
        require(self.reduction > 1, self, "reduction", "a number > 1")


class RungStopping(EarlyStopping):
    """Compares trials at rungs; where a whole trial has fewer epochs than those of grace, there is none."""

    Settings = RungSettings
    settings: RungSettings

    @property
    def rungs(self) -> set[int]:
        """The epochs after which trials are compared: grace, and `reduction` times as many each; rounded up."""
        grace, reduction = self.settings.grace_epochs, self.settings.reduction
        count = int(math.log(self.epochs / grace) / math.log(reduction) + 1)
        return {math.ceil(grace * reduction**k) for k in range(count)}
