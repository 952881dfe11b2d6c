"""What makes one finished trial better than another: the front of accuracy against costs, or one number.

Standard library only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from movinet.config.typed import require
from results.pareto import crowding, gaps, ranks
from results.record import TrialRecord

Merit = tuple[float, float]  # greater is better


@dataclass(frozen=True)
class Reward:
    """One number for accuracy near a target of cost, TuNAS's absolute reward: too small costs as much as too large.

    accuracy + beta * |cost / target - 1|.  target: in a record's unit: FLOPs, parameters, bytes.
    Source: arXiv:2008.06120, 3.
    """

    target: float
    beta: float = -0.10

    def __post_init__(self):
        require(self.target > 0, self, "target", "a number > 0")
        require(self.beta < 0, self, "beta", "a number < 0")

    def of(self, record: TrialRecord, cost: str) -> float:
        """Of a scored record, by the cost of this name."""
        return (record.accuracy or 0.0) + self.of_cost(record.value(cost))

    def of_cost(self, cost: float) -> float:
        """What the cost adds: 0 at the target, less elsewhere."""
        return self.beta * abs(cost / self.target - 1)


def merits(
    records: Sequence[TrialRecord], reward: Reward | None, costs: Sequence[str], by_density: bool = False
) -> list[Merit]:
    """Per scored record how good it is: by the reward, of the first cost; without one by the front of them all."""
    if reward:
        return [(reward.of(record, costs[0]), 0.0) for record in records]
    return pareto_merits(records, costs, by_density)


def pareto_merits(records: Sequence[TrialRecord], costs: Sequence[str], by_density: bool = False) -> list[Merit]:
    """Per scored record its place by non-domination, then by how empty the front is around it.

    As in NSGA-II, or by_density: by the gap in the first cost alone (`results.pareto.gaps`).
    """
    points = [record.point(costs) for record in records]
    fronts: dict[int, list[int]] = defaultdict(list)
    for index, rank in enumerate(ranks(points)):
        fronts[rank].append(index)
    merits: list[Merit] = [(0.0, 0.0)] * len(points)
    emptiness = gaps if by_density else crowding
    for rank, members in fronts.items():
        for index, distance in zip(members, emptiness([points[i] for i in members]), strict=True):
            merits[index] = (-float(rank), distance)
    return merits
