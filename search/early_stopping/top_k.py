"""The best fraction by non-dominated rank goes on, after a few epochs: early stopping for a front, without octaves.

Networks are compared over all costs at once, since a cheap network is dominated by no costlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from results.pareto import ranks
from search.early_stopping.stopping import Curve, RungSettings, RungStopping


@dataclass(frozen=True)
class TopKSettings(RungSettings):
    """grace_epochs: after which trials are compared, once.  reduction: one trial in so many goes on."""

    reduction: float = 4.0


class TopK(RungStopping):
    """A trial goes on if fewer than 1 / reduction of those that came as far are on better fronts than it.

    The fronts are of all costs and of the best accuracy in the epochs of grace. The first `reduction` trials go on:
    there is too little to compare them with.
    """

    Settings = TopKSettings
    settings: TopKSettings

    def goes_on(self, curve: Curve, others: Sequence[Curve]) -> bool:
        epoch = self.settings.grace_epochs
        if len(curve.accuracies) != epoch:
            return True
        compared = [curve, *(each for each in others if len(each.accuracies) >= epoch)]
        if len(compared) <= self.settings.reduction:
            return True
        own, *rest = ranks([each.point(self.costs, epoch) for each in compared])
        return sum(rank < own for rank in rest) < len(compared) / self.settings.reduction
