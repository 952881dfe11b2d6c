"""The front of networks that are cheap and accurate: points are (cost, accuracy), cost to be small, accuracy large.

A point dominates another when it is no worse in both and better in one.  Equal points do not dominate each other, so
all copies of a non-dominated point are on the front.  Exact; standard library only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby

Point = tuple[float, float]  # (cost, accuracy)


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the points that no other dominates, by rising cost (copies in the order given)."""
    undominated = [index for index, rank in enumerate(ranks(points)) if rank == 0]
    return sorted(undominated, key=lambda index: points[index])


def ranks(points: Sequence[Point]) -> list[int]:
    """Per point, the number of the front it is on: 0 undominated, 1 undominated once front 0 is taken away ...

    In two dimensions O(n log n): from cheap to costly, a point falls behind exactly those fronts that already hold an
    accuracy as high as its own; the best accuracies of the fronts fall from one to the next, so a bisection finds it.
    """

    def key(index: int) -> Point:
        return points[index][0], -points[index][1]

    result = [0] * len(points)
    lows: list[float] = []  # per front: minus its best accuracy so far, rising
    for (_, loss), copies in groupby(sorted(range(len(points)), key=key), key=key):
        rank = bisect_right(lows, loss)
        lows[rank : rank + 1] = [loss]
        for index in copies:
            result[index] = rank
    return result


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The area that the points dominate, up to the reference (highest cost, lowest accuracy) that counts.

    Points no better than the reference in one of the two add nothing.
    """
    limit, floor = reference
    inside = [point for point in points if point[0] < limit and point[1] > floor]
    area, best = 0.0, floor
    for cost, accuracy in sorted(inside):
        if accuracy > best:
            area += (limit - cost) * (accuracy - best)
            best = accuracy
    return area


def log_hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The hypervolume with costs in decades: the area under the front in a plot whose cost axis is logarithmic.

    No cost counts as less than 1.
    """
    decades = [(math.log10(max(cost, 1)), accuracy) for cost, accuracy in points]
    return hypervolume(decades, (math.log10(reference[0]), reference[1]))


def normalised_hypervolume(points: Sequence[Point], low: float, high: float, floor: float) -> float:
    """The share of a rectangle that lies under the front, 0 to 1: decades of cost by accuracy, low to high, floor to 1.

    floor: chance. Points cheaper than low count from low on; points costlier than high not at all.
    """
    inside = [(max(cost, low), accuracy) for cost, accuracy in points]
    return log_hypervolume(inside, (high, floor)) / (math.log10(high / low) * (1 - floor))


def crowding(points: Sequence[Point]) -> list[float]:
    """NSGA-II's crowding distance of points on one front: how far apart the neighbours on both sides are.

    Each objective is divided by its range; the cheapest and the costliest point get infinity.
    """
    if not points:
        return []
    order = sorted(range(len(points)), key=lambda index: points[index])
    spans = [(max(axis) - min(axis)) or 1.0 for axis in zip(*points, strict=True)]
    distances = [math.inf] * len(points)
    for before, index, after in zip(order, order[1:], order[2:], strict=False):
        gaps = (abs(points[after][axis] - points[before][axis]) / spans[axis] for axis in (0, 1))
        distances[index] = sum(gaps)
    return distances
