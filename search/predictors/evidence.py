"""What finished and unfinished trainings tell of a network's final accuracy.  Standard library and NumPy.

Accuracies are compared as z = -log(1.01 - accuracy), so that the step from 0.95 to 0.97 counts as much as that from
0.40 to 0.64; the top of the scale is where networks differ least and matter most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CEILING = 1.01  # an accuracy of 1 is a finite z
PAIRS = 4  # trainings that came further, before an unfinished one is worth anything


def to_z(accuracy: float | np.ndarray) -> np.ndarray:
    """Accuracies in [0, 1] on the scale on which they are predicted."""
    return -np.log(CEILING - np.asarray(accuracy, float))


def to_accuracy(z: float | np.ndarray) -> np.ndarray:
    """The inverse of `to_z`."""
    return CEILING - np.exp(-np.asarray(z, float))


@dataclass(frozen=True)
class Evidence:
    """A final accuracy as far as it is known: z with its variance (0: trained to the end)."""

    z: float
    variance: float = 0.0


def evidence_of(curves: Sequence[Sequence[float]], epochs: int) -> list[Evidence | None]:
    """Per curve (an accuracy for each epoch, in [0, 1]) what it says of the best accuracy within `epochs`.

    A whole curve says it exactly. One of e epochs is carried on by the straight line, fitted to all whole curves, from
    the best of e epochs to the best of all; its variance is that of the line's residuals. None where fewer than
    `PAIRS` whole curves are known.
    """
    whole = [curve for curve in curves if len(curve) >= epochs]
    lines: dict[int, tuple[float, float, float] | None] = {}
    found: list[Evidence | None] = []
    for curve in curves:
        best, length = (float(to_z(max(curve, default=0.0))), len(curve))
        if length >= epochs:
            found.append(Evidence(best))
            continue
        if length and length not in lines:
            lines[length] = _line(whole, length)
        line = lines.get(length) if length else None
        found.append(Evidence(max(best, line[0] + line[1] * best), line[2]) if line else None)
    return found


def _line(whole: Sequence[Sequence[float]], length: int) -> tuple[float, float, float] | None:
    """Intercept, slope in [0, 1.5] and residual variance of final z over z after `length` epochs."""
    if len(whole) < PAIRS:
        return None
    early = to_z(np.array([max(curve[:length]) for curve in whole]))
    final = to_z(np.array([max(curve) for curve in whole]))
    spread = float(np.var(early))
    slope = float(np.clip(np.mean((early - early.mean()) * (final - final.mean())) / spread, 0, 1.5)) if spread else 0.0
    intercept = float(final.mean() - slope * early.mean())
    residuals = final - intercept - slope * early
    return intercept, slope, float(np.sum(residuals**2) / (len(whole) - 2))
