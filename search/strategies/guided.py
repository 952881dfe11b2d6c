"""Guided search: of thousands of candidates, whose costs are exact and free, the one that should add most to the front.

How it is foreseen what a candidate adds: `search.strategies.foresight`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from movinet.config.typed import require
from results.pareto import front
from search.strategies.foresight import LEAST, Foresight
from search.strategies.strategy import Proposal, SpaceUsedUp
from space.mutation import mutate
from space.sampling import sample
from space.space import Candidate

STEPS = (1, 1, 2, 3)  # mutations that a candidate is away from one on the front


@dataclass(frozen=True)
class GuidedSettings:
    """first: random trials before the first prediction.  candidates: how many are compared for each proposal.

    decades: of cost below the budget that count, so that trials are not spent on ever cheaper networks.
    """

    first: int = 6
    candidates: int = 1000
    decades: float = 1.0

    def __post_init__(self):
        require(self.first >= 1, self, "first", "an integer >= 1")
        require(self.candidates >= 1, self, "candidates", "an integer >= 1")
        require(self.decades > 0, self, "decades", "a number > 0")


class Guided(Foresight):
    """Random at first, then by greatest expected gain among random candidates and mutations of the front."""

    Settings = GuidedSettings
    settings: GuidedSettings

    def draw(self, rng: random.Random) -> Proposal:
        scored = [record for record in self.told if record.scored]
        if len(self.asked) < self.settings.first or len(scored) < LEAST:
            return self.sample(rng)
        best = front([record.point(self.task.costs) for record in scored])
        parents = [self.asked[scored[index].trial] for index in best]
        pool, rejected = self.affordable(self.pool(rng, parents))
        if not pool:
            raise SpaceUsedUp(
                f"no new network in {self.settings.candidates} draws after {len(self.known)} different ones"
            )
        return Proposal(self.best_of(pool, scored, self.settings.decades), rejected)

    def pool(self, rng: random.Random, parents: list[Candidate]) -> Iterator[Candidate]:
        """Half are random, half one to three mutations away from the parents."""
        for number in range(self.settings.candidates):
            candidate = sample(self.task.space, rng) if number % 2 else rng.choice(parents)
            for _ in range(0 if number % 2 else rng.choice(STEPS)):
                candidate = mutate(candidate, self.task.space, rng)
            yield candidate
