"""NSGA-II, one child at a time: the best of all trials by front and crowding are the population that has children.

Settings that are off by default cure what a search of few trials suffers from: parents by crowding give both ends of
the front infinite merit, and most children are no better than their parents.

Source: Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002; asked by workers as they get
free, so that there is no generation to wait for.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from movinet.config.typed import require
from results.record import TrialRecord
from search.objectives.objective import Merit, merits
from search.strategies.foresight import LEAST, Foresight
from search.strategies.strategy import Proposal
from space.mutation import crossover, mutate
from space.space import Candidate

CHILDREN = 50  # that may be over budget before a random candidate is asked
FILTERED = 400  # children of which one is foreseen to be the best
DECADES = 1.0  # of cost below the budget that count for that
PARENTS = ("crowding", "density")


@dataclass(frozen=True)
class Nsga2Settings:
    """population: how many have children.  crossover: the share of children that have two parents.

    parents: what comes first among those of one front: `crowding`, or `density`, the widest gap in cost.
    filter: `gain`: of many children the one that should add most to the front, as `guided` foresees it; null: any.
    """

    population: int = 12
    crossover: float = 0.9
    parents: str = "crowding"
    filter: str | None = None

    def __post_init__(self):
        require(self.parents in PARENTS, self, "parents", " or ".join(PARENTS))
        require(self.filter in (None, "gain"), self, "filter", "gain, or null")
        require(self.population >= 2, self, "population", "an integer >= 2")
        require(0 <= self.crossover <= 1, self, "crossover", "a number, 0 to 1")


class Nsga2(Foresight):
    """`population` random candidates first; then children of the best so many, each parent the better of two."""

    Settings = Nsga2Settings
    settings: Nsga2Settings

    def draw(self, rng: random.Random) -> Proposal:
        scored = [record for record in self.told if record.scored]
        if len(self.asked) < self.settings.population or not scored:
            return self.sample(rng)
        merit = merits(scored, self.task.reward, self.task.costs, self.settings.parents == "density")
        ranked = sorted(zip(merit, scored, strict=True), key=lambda item: item[0], reverse=True)
        parents = ranked[: self.settings.population]
        is_filtered = self.settings.filter and len(scored) >= LEAST
        child = (
            self._most_promising(parents, scored, rng)
            if is_filtered
            else self.first_within(self._child(parents, rng) for _ in range(CHILDREN))
        )
        if child is not None:
            return child
        fresh = self.sample(rng)
        return Proposal(fresh.candidate, fresh.rejected + CHILDREN)

    def _most_promising(
        self, parents: list[tuple[Merit, TrialRecord]], scored: list[TrialRecord], rng: random.Random
    ) -> Proposal | None:
        pool, rejected = self.affordable(self._child(parents, rng) for _ in range(FILTERED))
        return Proposal(self.best_of(pool, scored, DECADES), rejected) if pool else None

    def _child(self, parents: list[tuple[Merit, TrialRecord]], rng: random.Random) -> Candidate:
        space = self.task.space
        candidate = self._parent(parents, rng)
        if rng.random() < self.settings.crossover:
            candidate = crossover(candidate, self._parent(parents, rng), space, rng)
        return mutate(candidate, space, rng)

    def _parent(self, parents: list[tuple[Merit, TrialRecord]], rng: random.Random) -> Candidate:
        rivals = [rng.choice(parents) for _ in range(2)]
        return self.task.space.candidate(max(rivals, key=lambda item: item[0])[1].candidate)
