"""What makes one finished trial better than another: the front of accuracy against FLOPs, or one number.

Standard library only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from results.pareto import crowding, ranks
from results.record import TrialRecord

Merit = tuple[float, float]  # greater is better


def absolute_reward(accuracy: float, flops: float, target_flops: float, beta: float = -0.10) -> float:
    """TuNAS's reward, accuracy + beta * |FLOPs / target - 1|: too small costs as much as too large.

    beta < 0; accuracy in [0, 1].  Source: arXiv:2008.06120, 3.
    """
    return accuracy + beta * abs(flops / target_flops - 1)


def reward_merits(records: Sequence[TrialRecord], target_flops: float, beta: float) -> list[Merit]:
    """Per scored record its absolute reward."""
    return [(absolute_reward(r.accuracy or 0.0, r.cost["flops"], target_flops, beta), 0.0) for r in records]


def pareto_merits(records: Sequence[TrialRecord]) -> list[Merit]:
    """Per scored record its place by non-domination, then by how empty the front is around it (as in NSGA-II)."""
    points = [(float(r.cost["flops"]), r.accuracy or 0.0) for r in records]
    fronts: dict[int, list[int]] = defaultdict(list)
    for index, rank in enumerate(ranks(points)):
        fronts[rank].append(index)
    merits: list[Merit] = [(0.0, 0.0)] * len(points)
    for rank, members in fronts.items():
        for index, distance in zip(members, crowding([points[i] for i in members]), strict=True):
            merits[index] = (-float(rank), distance)
    return merits
