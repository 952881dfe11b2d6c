"""The contract of every search strategy: ask for a candidate, tell how it went.  Knows nothing of Ray.

What `ask(n)` proposes depends on the seed, on n, and on what was asked and told before; nothing else.  So the records
of a run rebuild a strategy exactly, and no state of its own is ever saved.  Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from movinet.cost import network_cost
from results.record import TrialRecord
from space.budget import Budget
from space.sampling import sample_within
from space.space import Candidate, Space

REPEATS = 200  # candidates seen before that are drawn in a row before a space counts as used up


class SpaceUsedUp(Exception):
    """The space has no further network within the budget; the search ends with those it has."""


@dataclass(frozen=True)
class Task:
    """Where to search: the space, the budget that every candidate keeps, and the number of classes it is costed for."""

    space: Space
    budget: Budget
    num_classes: int


@dataclass(frozen=True)
class Proposal:
    """A candidate that keeps the budget and was not asked before; `rejected` over budget were drawn on the way."""

    candidate: Candidate
    rejected: int


class Strategy:
    """Remembers what was asked and told; a subclass decides in `draw` where the next candidate comes from."""

    def __init__(self, task: Task, seed: int):
        self.task, self.seed = task, seed
        self.asked: set[str] = set()  # ids of specs
        self.told: list[TrialRecord] = []

    def ask(self, trial: int) -> Proposal:
        """The candidate of this trial.

        Raises SpaceUsedUp when nothing new is found, SpaceError when nothing keeps the budget.
        """
        rng = random.Random(f"{self.seed}:{trial}")
        rejected = 0
        for _ in range(REPEATS):
            proposal = self.draw(rng)
            rejected += proposal.rejected
            if proposal.candidate.id not in self.asked:
                self.remember(proposal.candidate)
                return Proposal(proposal.candidate, rejected)
        raise SpaceUsedUp(f"no new network in {REPEATS} draws after {len(self.asked)} different ones")

    def remember(self, candidate: Candidate) -> None:
        """Counts a candidate as asked, e.g. by an earlier process of the same run."""
        self.asked.add(candidate.id)

    def tell(self, record: TrialRecord) -> None:
        """How a trial ended, in the order of ending."""
        self.told.append(record)

    def draw(self, rng: random.Random) -> Proposal:
        """One proposal within the budget, perhaps a repetition."""
        raise NotImplementedError

    def sample(self, rng: random.Random) -> Proposal:
        """A random one."""
        return Proposal(*sample_within(self.task.space, self.task.budget, rng, num_classes=self.task.num_classes))

    def first_within(self, candidates: Iterator[Candidate]) -> Proposal | None:
        """The first that keeps the budget; None if none of them does."""
        for rejected, candidate in enumerate(candidates):
            cost = network_cost(candidate.spec(), num_classes=self.task.num_classes)
            if self.task.budget.violation(cost) is None:
                return Proposal(candidate, rejected)
        return None
