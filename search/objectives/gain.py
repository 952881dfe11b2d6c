"""How much hypervolume a candidate of known cost and uncertain accuracy is expected to add to a front.

The cost of a network is known exactly before anything is trained, so only the accuracy is uncertain: the front at and
above the candidate's cost is a staircase, and the gain is the sum over its steps of width x expected improvement.
Source of expected hypervolume improvement: Emmerich et al., 2006; of one known objective this is its exact form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from results.pareto import Point
from search.predictors.evidence import CEILING, to_z


def expected_gain(
    front: Sequence[Point],
    low: float,
    limit: float,
    floor: float,
    costs: Sequence[float],
    means: np.ndarray,
    deviations: np.ndarray,
) -> np.ndarray:
    """Per candidate the expected growth of the area under the front, decades of cost x accuracy.

    front: undominated (cost, accuracy).  low, limit: costs between which the area counts: cheaper networks from low on,
    costlier ones not at all.  floor: accuracy that counts for nothing, chance.  means, deviations: of the candidates'
    accuracies on `to_z`'s scale.
    """
    stairs = sorted(front)
    edges = [math.log10(max(cost, low)) for cost, _ in stairs] + [math.log10(limit)]
    heights = [floor, *(max(accuracy, floor) for _, accuracy in stairs)]
    starts = np.log10(np.maximum(costs, low))
    gain = np.zeros(len(costs))
    for left, right, height in zip([-math.inf, *edges], edges, heights, strict=False):
        width = np.clip(right - np.maximum(starts, left), 0, None)
        touched = width > 0
        if touched.any():
            gain[touched] += width[touched] * expected_improvement(height, means[touched], deviations[touched])
    return gain


def expected_improvement(best: float | np.ndarray, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """E[max(accuracy - best, 0)] where z is normal, so that 1.01 - accuracy is log-normal: a put option's price.

    best: one accuracy, or one per candidate; above 1 it counts as 1.
    """
    best, deviations = np.minimum(best, 1.0), np.maximum(deviations, 1e-9)
    room = CEILING - best
    above = (means - to_z(best)) / deviations
    gain = room * _normal(above) - np.exp(-means + deviations**2 / 2) * _normal(above - deviations)
    return np.maximum(gain, 0.0)


def _normal(x: np.ndarray) -> np.ndarray:
    """The cumulative normal distribution."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in x])
