"""The front of networks that are cheap and accurate: points are (cost, accuracy), cost to be small, accuracy large.

A point may have more costs, (cost, cost, accuracy); areas are of the first.

A point dominates another when it is no worse in all and better in one.  Equal points do not dominate each other, so
all copies of a non-dominated point are on the front.  Exact; standard library only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby, pairwise

Point = tuple[float, float]  # (cost, accuracy)
Points = Sequence[tuple[float, ...]]  # (cost, ..., accuracy), all of one length


def front(points: Points) -> list[int]:
    """Indices of the points that no other dominates, by rising cost, the first one (copies in the order given)."""
    undominated = [index for index, rank in enumerate(ranks(points)) if rank == 0]
    return sorted(undominated, key=lambda index: points[index])


def ranks(points: Points) -> list[int]:
    """Per point, the number of the front it is on: 0 undominated, 1 undominated once front 0 is taken away ...

    In two dimensions O(n log n): from cheap to costly, a point falls behind exactly those fronts that already hold an
    accuracy as high as its own; the best accuracies of the fronts fall from one to the next, so a bisection finds it.
    In more, O(n^2): one front behind the last of the points that dominate it.
    """
    losses = [(*costs, -accuracy) for *costs, accuracy in points]
    order = sorted(range(len(points)), key=losses.__getitem__)  # nothing is dominated by what comes after it
    is_plane = all(len(point) == 2 for point in points)
    return _ranks_of_stairs(losses, order) if is_plane else _ranks_of_chains(losses, order)


def _ranks_of_stairs(losses: Points, order: Sequence[int]) -> list[int]:
    result = [0] * len(losses)
    lows: list[float] = []  # per front: minus its best accuracy so far, rising
    for (_, loss), copies in groupby(order, key=losses.__getitem__):
        rank = bisect_right(lows, loss)
        lows[rank : rank + 1] = [loss]
        for index in copies:
            result[index] = rank
    return result


def _ranks_of_chains(losses: Points, order: Sequence[int]) -> list[int]:
    result = [0] * len(losses)
    for place, index in enumerate(order):
        before = (other for other in order[:place] if _dominates(losses[other], losses[index]))
        result[index] = max((result[other] + 1 for other in before), default=0)
    return result


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(mine <= its for mine, its in zip(one, other, strict=True))


def hypervolume(points: Points, reference: Point) -> float:
    """The area that the points dominate, up to the reference (highest cost, lowest accuracy) that counts.

    Points no better than the reference in one of the two add nothing.
    """
    limit, floor = reference
    inside = [point for point in points if point[0] < limit and point[-1] > floor]
    area, best = 0.0, floor
    for cost, *_, accuracy in sorted(inside):
        if accuracy > best:
            area += (limit - cost) * (accuracy - best)
            best = accuracy
    return area


def log_hypervolume(points: Points, reference: Point) -> float:
    """The hypervolume with costs in decades: the area under the front in a plot whose cost axis is logarithmic.

    No cost counts as less than 1.
    """
    decades = [(math.log10(max(cost, 1)), accuracy) for cost, *_, accuracy in points]
    return hypervolume(decades, (math.log10(reference[0]), reference[1]))


def normalised_hypervolume(points: Points, low: float, high: float, floor: float) -> float:
    """The share of a rectangle that lies under the front, 0 to 1: decades of cost by accuracy, low to high, floor to 1.

    floor: chance. Points cheaper than low count from low on; points costlier than high not at all.
    """
    inside = [(max(cost, low), accuracy) for cost, *_, accuracy in points]
    return log_hypervolume(inside, (high, floor)) / (math.log10(high / low) * (1 - floor))


def crowding(points: Points) -> list[float]:
    """NSGA-II's crowding distance of points on one front: how far apart the neighbours on both sides are.

    Each objective is divided by its range; both ends of each get infinity.
    """
    distances = [0.0] * len(points)
    for values in zip(*points, strict=True):
        order = sorted(range(len(points)), key=values.__getitem__)
        span = (max(values) - min(values)) or 1.0
        for before, index, after in zip(order, order[1:], order[2:], strict=False):
            distances[index] += (values[after] - values[before]) / span
        distances[order[0]] = distances[order[-1]] = math.inf
    return distances


def gaps(points: Points) -> list[float]:
    """How many decades of the first cost lie between a point's neighbours; an end counts its one gap twice."""
    order = sorted(range(len(points)), key=points.__getitem__)
    decades = [math.log10(max(points[index][0], 1)) for index in order]
    between = [right - left for left, right in pairwise(decades)] or [0.0]
    found = [0.0] * len(points)
    for index, before, after in zip(order, [between[0], *between], [*between, between[-1]], strict=False):
        found[index] = before + after
    return found
