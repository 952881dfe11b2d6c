"""Asynchronous successive halving (ASHA, arXiv:1810.05934, the stopping form) among networks of like cost.

Compared over all costs, the cheap end of the front would be stopped first, because small networks are less accurate;
so each octave of cost, the first one, has rungs of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from search.early_stopping.stopping import Curve, RungStopping


class OctaveAsha(RungStopping):
    """Stops a trial at a rung where its accuracy is below the best 1 / reduction of those that came there before.

    The rungs of an octave are after grace_epochs, and after `reduction` times as many epochs from each to the next.
    """

    def goes_on(self, curve: Curve, others: Sequence[Curve]) -> bool:
        epoch = len(curve.accuracies)
        rivals = [
            each for each in others if len(each.accuracies) >= epoch and self._octave(each) == self._octave(curve)
        ]
        if epoch not in self.rungs or not rivals:
            return True
        accuracies = [each.accuracies[epoch - 1] for each in rivals]
        return curve.accuracies[-1] >= quantile(accuracies, 1 - 1 / self.settings.reduction)

    def _octave(self, curve: Curve) -> int:
        return int(math.log2(max(curve.costs[self.costs[0]], 1)))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies, between two neighbours by a straight line.

    As numpy.quantile, whose rounding it has: from the nearer neighbour.
    """
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    low, high, part = ordered[below], ordered[min(below + 1, len(ordered) - 1)], place - below
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
