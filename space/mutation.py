"""New candidates from old ones; always members of the space, never a blind retry.  Standard library only."""

from __future__ import annotations

import random
from typing import Any

from space.decision import SpaceError
from space.space import Candidate, Space


def mutate(candidate: Candidate, space: Space, rng: random.Random) -> Candidate:
    """A candidate that differs from the given one in exactly one decision, drawn evenly from its active ones.

    Where that is a depth, layers that appear are drawn evenly and layers that vanish take their decisions along; all
    decisions that both candidates have, except the depth, are equal. Raises SpaceError if nothing can be changed.
    """
    open_decisions = [decision for decision in space.active(candidate.values) if len(decision.values) > 1]
    if not open_decisions:
        raise SpaceError("the space holds this one candidate only: no decision has two values")
    changed = rng.choice(open_decisions)
    others = [value for value in changed.values if value != candidate[changed.name]]
    values: dict[str, Any] = {changed.name: rng.choice(others)}
    for decision in space.active({**candidate.values, **values}):
        if decision.name not in values:
            known = decision.name in candidate.values
            values[decision.name] = candidate[decision.name] if known else rng.choice(decision.values)
    return Candidate(space, {name: values[name] for name in space.by_name if name in values})


def crossover(first: Candidate, second: Candidate, space: Space, rng: random.Random) -> Candidate:
    """A candidate that takes each decision from one of its parents, evenly from those that have it."""
    values: dict[str, Any] = {}
    for decision in space.active(values):
        parents = [parent for parent in (first, second) if decision.name in parent.values]
        values[decision.name] = rng.choice(parents)[decision.name]
    return Candidate(space, values)
