"""How well something orders networks that cost alike: Kendall's tau within octaves.  Standard library only.

Over networks of very different cost nearly anything orders well, since cost alone does; what a search needs to know is
which of two networks of like cost is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

OCTAVES = 0.5  # that the costs of two networks are apart at most, to be compared


@dataclass(frozen=True)
class Agreement:
    """tau: 1 where every pair is in the same order, -1 where none is, 0 by chance; nan without pairs.

    error: its standard error, by leaving out each network in turn.  pairs: of networks, that were compared.
    """

    tau: float
    error: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.tau:.2f} ± {self.error:.2f}"


def agreement(costs: Sequence[float], scores: Sequence[float], truths: Sequence[float]) -> Agreement:
    """Between two orders of the same networks, over pairs whose costs are within half an octave; ties count as 0."""
    count = len(costs)
    signs: dict[tuple[int, int], int] = {}
    for first, second in combinations(range(count), 2):
        if abs(math.log2(costs[first] / costs[second])) < OCTAVES:
            ordered = (scores[first] - scores[second]) * (truths[first] - truths[second])
            signs[first, second] = (ordered > 0) - (ordered < 0)
    if not signs:
        return Agreement(math.nan, math.nan, 0)
    total, sums, pairs = sum(signs.values()), [0] * count, [0] * count
    for (first, second), sign in signs.items():
        for one in (first, second):
            sums[one] += sign
            pairs[one] += 1
    left = [(total - sums[one]) / (len(signs) - pairs[one]) for one in range(count) if len(signs) > pairs[one]]
    mean = sum(left) / len(left) if left else 0.0
    error = math.sqrt((count - 1) / count * sum((value - mean) ** 2 for value in left))
    return Agreement(total / len(signs), error, len(signs))
