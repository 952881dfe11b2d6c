"""Pause at every rung, and go on with the best of those paused: ASHA's promotion for a front of cost and accuracy.

Nothing is lost by a bad start: what waits at a rung is compared again whenever a worker is free, with all that came
there since.  Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, arXiv:1810.05934, algorithm 2;
networks are ordered by non-dominated rank, then by what they alone add to the area under their front.
"""

from __future__ import annotations

from collections.abc import Sequence

from results.pareto import Points, log_hypervolume, ranks
from search.early_stopping.stopping import Curve, RungStopping


class Promote(RungStopping):
    """At a rung the best 1 / reduction of all that ever reached it go on, one at least; the others wait there.

    A trial that dominates all others of its rung goes on, and so does one that nobody can be compared with.
    """

    pauses = True

    def goes_on(self, curve: Curve, others: Sequence[Curve]) -> bool:
        epoch = len(curve.accuracies)
        return epoch not in self.rungs or curve.trial in self._best(epoch, [curve, *others])

    def next_up(self, paused: Sequence[Curve], others: Sequence[Curve]) -> int | None:
        for epoch in sorted(self.rungs, reverse=True):
            waiting = {curve.trial for curve in paused if len(curve.accuracies) == epoch}
            best = self._best(epoch, [*paused, *others]) if waiting else []
            if promoted := [trial for trial in best if trial in waiting]:
                return promoted[0]
        return None

    def _best(self, epoch: int, curves: Sequence[Curve]) -> list[int]:
        """The trials that go on beyond a rung, the best first."""
        there = sorted((each for each in curves if len(each.accuracies) >= epoch), key=lambda each: each.trial)
        points = [each.point(self.costs, epoch) for each in there]
        order = sorted(
            zip(ranks(points), [-gain for gain in gains(points)], [each.trial for each in there], strict=True)
        )
        return [trial for *_, trial in order][: max(1, int(len(there) / self.settings.reduction))]


def gains(points: Points) -> list[float]:
    """Per point what it alone adds to the area under the front that it is on, decades of cost by accuracy.

    The area, by the first cost, counts up to the costliest of all points and down to the least accurate; its own
    corner adds nothing.
    """
    if not points:
        return []
    limit, floor = max(1.0, *(cost for cost, *_ in points)), min(accuracy for *_, accuracy in points)
    reference = (1.01 * limit, floor - 0.01)
    rank = ranks(points)
    fronts = {number: [index for index, own in enumerate(rank) if own == number] for number in set(rank)}
    area = {number: log_hypervolume([points[index] for index in front], reference) for number, front in fronts.items()}
    return [
        area[number] - log_hypervolume([points[other] for other in fronts[number] if other != index], reference)
        for index, number in enumerate(rank)
    ]
