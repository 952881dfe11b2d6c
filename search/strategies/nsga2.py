"""NSGA-II, one child at a time: the best of all trials by front and crowding are the population that has children.

Source: Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002; asked by workers as they get
free, so that there is no generation to wait for.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from movinet.config.typed import require
from results.record import TrialRecord
from search.objectives.objective import Merit, merits
from search.strategies.strategy import Proposal, Strategy
from space.mutation import crossover, mutate
from space.space import Candidate

CHILDREN = 50  # that may be over budget before a random candidate is asked


@dataclass(frozen=True)
class Nsga2Settings:
    """population: how many have children.  crossover: the share of children that have two parents."""

    population: int = 12
    crossover: float = 0.9

    def __post_init__(self):
        require(self.population >= 2, self, "population", "an integer >= 2")
        require(0 <= self.crossover <= 1, self, "crossover", "a number, 0 to 1")


class Nsga2(Strategy):
    """`population` random candidates first; then children of the best so many, each parent the better of two."""

    Settings = Nsga2Settings
    settings: Nsga2Settings

    def draw(self, rng: random.Random) -> Proposal:
        scored = [record for record in self.told if record.scored]
        if len(self.asked) < self.settings.population or not scored:
            return self.sample(rng)
        merit = merits(scored, self.task.reward, self.task.costs)
        ranked = sorted(zip(merit, scored, strict=True), key=lambda item: item[0], reverse=True)
        parents = ranked[: self.settings.population]
        child = self.first_within(self._child(parents, rng) for _ in range(CHILDREN))
        if child is not None:
            return child
        fresh = self.sample(rng)
        return Proposal(fresh.candidate, fresh.rejected + CHILDREN)

    def _child(self, parents: list[tuple[Merit, TrialRecord]], rng: random.Random) -> Candidate:
        space = self.task.space
        candidate = self._parent(parents, rng)
        if rng.random() < self.settings.crossover:
            candidate = crossover(candidate, self._parent(parents, rng), space, rng)
        return mutate(candidate, space, rng)

    def _parent(self, parents: list[tuple[Merit, TrialRecord]], rng: random.Random) -> Candidate:
        rivals = [rng.choice(parents) for _ in range(2)]
        return self.task.space.candidate(max(rivals, key=lambda item: item[0])[1].candidate)
