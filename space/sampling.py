"""Random candidates, within a budget if there is one.  Standard library only."""

from __future__ import annotations

import random
from typing import Any

from movinet.cost import Cost, network_cost
from space.budget import Budget
from space.decision import SpaceError
from space.space import Candidate, Space


def sample(space: Space, rng: random.Random) -> Candidate:
    """A candidate whose every active decision is drawn evenly from its values.

    Even per decision, not over networks: a depth of 1 is drawn as often as one of 10, which has far more networks.
    """
    values: dict[str, Any] = {}
    for decision in space.active(values):
        values[decision.name] = rng.choice(decision.values)
    return Candidate(space, values)


def sample_within(
    space: Space, budget: Budget, rng: random.Random, tries: int = 10_000, num_classes: int = 600
) -> tuple[Candidate, int]:
    """A candidate whose cost keeps the budget, and how many before it did not; nothing is built.

    Raises SpaceError after `tries` candidates, naming each limit that none of them kept and the smallest cost seen.
    """
    costs: list[Cost] = []
    for rejected in range(tries):
        candidate = sample(space, rng)
        cost = network_cost(candidate.spec(), num_classes=num_classes)
        if budget.violation(cost) is None:
            return candidate, rejected
        costs.append(cost)
    raise SpaceError(budget.explain(costs))
