"""Regularised (aging) evolution: the best of a small tournament has a child, the oldest dies.

Source: Real et al., Regularized Evolution for Image Classifier Architecture Search, arXiv:1802.01548, algorithm 1.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from movinet.config.typed import require
from results.record import TrialRecord
from search.objectives.objective import merits
from search.strategies.strategy import Proposal, Strategy
from space.mutation import mutate

MUTATIONS = 20  # children of one parent that may be over budget before another parent is drawn
PARENTS = 5


@dataclass(frozen=True)
class EvolutionSettings:
    """population: how many live.  tournament: how many of them compete to be a parent."""

    population: int = 12
    tournament: int = 4

    def __post_init__(self):
        require(self.population >= 1, self, "population", "an integer >= 1")
        require(self.tournament >= 1, self, "tournament", "an integer >= 1")


class Evolution(Strategy):
    """`population` random candidates first; then mutations of the best of `tournament` of the youngest `population`.

    The best by the task's reward, or by the front. Failed trials do not live.
    """

    Settings = EvolutionSettings
    settings: EvolutionSettings

    def living(self) -> list[TrialRecord]:
        """The youngest `population` of the trials that have an accuracy."""
        return [record for record in self.told if record.scored][-self.settings.population :]

    def draw(self, rng: random.Random) -> Proposal:
        living = self.living()
        if len(self.asked) < self.settings.population or not living:
            return self.sample(rng)
        merit = merits(living, self.task.reward, self.task.costs)
        rejected = 0
        for _ in range(PARENTS):
            rivals = rng.sample(range(len(living)), min(self.settings.tournament, len(living)))
            parent = self.task.space.candidate(living[max(rivals, key=lambda index: merit[index])].candidate)
            child = self.first_within(mutate(parent, self.task.space, rng) for _ in range(MUTATIONS))
            if child is not None:
                return Proposal(child.candidate, child.rejected + rejected)
            rejected += MUTATIONS
        fresh = self.sample(rng)
        return Proposal(fresh.candidate, fresh.rejected + rejected)
