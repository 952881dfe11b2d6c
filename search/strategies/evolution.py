"""Regularised (aging) evolution: the best of a small tournament has a child, the oldest dies.

Source: Real et al., Regularized Evolution for Image Classifier Architecture Search, arXiv:1802.01548, algorithm 1.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from results.record import TrialRecord
from search.objectives.objective import Merit
from search.strategies.strategy import Proposal, Strategy, Task
from space.mutation import mutate

MUTATIONS = 20  # children of one parent that may be over budget before another parent is drawn
PARENTS = 5


class Evolution(Strategy):
    """`population` random candidates first; then mutations of the best of `tournament` of the youngest `population`.

    merits: per record of the living its merit, greater is better (`search.objective`). Failed trials do not live.
    """

    def __init__(
        self,
        task: Task,
        seed: int,
        population: int,
        tournament: int,
        merits: Callable[[Sequence[TrialRecord]], list[Merit]],
    ):
        super().__init__(task, seed)
        self.population, self.tournament, self.merits = population, tournament, merits

    def living(self) -> list[TrialRecord]:
        """The youngest `population` of the trials that have an accuracy."""
        return [record for record in self.told if record.scored][-self.population :]

    def draw(self, rng: random.Random) -> Proposal:
        living = self.living()
        if len(self.asked) < self.population or not living:
            return self.sample(rng)
        merits = self.merits(living)
        rejected = 0
        for _ in range(PARENTS):
            rivals = rng.sample(range(len(living)), min(self.tournament, len(living)))
            parent = self.task.space.candidate(living[max(rivals, key=lambda index: merits[index])].candidate)
            child = self.first_within(mutate(parent, self.task.space, rng) for _ in range(MUTATIONS))
            if child is not None:
                return Proposal(child.candidate, child.rejected + rejected)
            rejected += MUTATIONS
        fresh = self.sample(rng)
        return Proposal(fresh.candidate, fresh.rejected + rejected)
