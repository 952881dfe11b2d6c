"""Independent random candidates: the baseline, and a good first choice while trials are few."""

from __future__ import annotations

import random

from search.strategies.strategy import Proposal, Strategy


class RandomSearch(Strategy):
    """Draws every candidate evenly per decision, whatever came of the others."""

    def draw(self, rng: random.Random) -> Proposal:
        return self.sample(rng)
