"""The contract of every search strategy: ask for a candidate, tell how it went.  Knows nothing of Ray.

What `ask(n)` proposes depends on the seed, on n, and on what was asked and told before; nothing else.  So the records
of a run rebuild a strategy exactly, and no state of its own is ever saved.  Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from movinet.config.choice import NoSettings
from movinet.cost import network_cost
from results.record import TrialRecord
from search.objectives.objective import Reward
from space.budget import Budget
from space.sampling import sample_within
from space.space import Candidate, Space

REPEATS = 200  # candidates seen before that are drawn in a row before a space counts as used up


class SpaceUsedUp(Exception):
    """The space has no further network within the budget; the search ends with those it has."""


@dataclass(frozen=True)
class Task:
    """Where to search, and for what.

    budget: what every candidate keeps.  num_classes: that it is costed for.  reward: the one number to be made large;
    None: the front.  epochs: of a whole trial.  costs: names of the objectives beside accuracy (`results.axes`).
    """

    space: Space
    budget: Budget
    num_classes: int
    reward: Reward | None = None
    epochs: int = 1
    costs: tuple[str, ...] = ("flops",)

    @property
    def cost(self) -> str:
        """The first of them, for a strategy that knows one."""
        return self.costs[0]


@dataclass(frozen=True)
class Proposal:
    """A candidate that keeps the budget and was not asked before; `rejected` over budget were drawn on the way."""

    candidate: Candidate
    rejected: int


class Strategy:
    """Remembers what was asked and told; a subclass decides in `draw` where the next candidate comes from.

    Settings: the subclass's frozen dataclass, of which it is given one as `settings`.  asked: trial -> its candidate.
    told: records, in the order of ending.
    """

    Settings: ClassVar[type] = NoSettings

    def __init__(self, task: Task, settings: Any, seed: int):
        self.task, self.settings, self.seed = task, settings, seed
        self.asked: dict[int, Candidate] = {}
        self.known: set[str] = set()  # ids of their specs
        self.told: list[TrialRecord] = []

    @property
    def pending(self) -> dict[int, Candidate]:
        """What was asked and has not ended: trial -> its candidate."""
        ended = {record.trial for record in self.told}
        return {trial: candidate for trial, candidate in self.asked.items() if trial not in ended}

    def ask(self, trial: int) -> Proposal:
        """The candidate of this trial.

        Raises SpaceUsedUp when nothing new is found, SpaceError when nothing keeps the budget.
        """
        rng = random.Random(f"{self.seed}:{trial}")
        rejected = 0
        for _ in range(REPEATS):
            proposal = self.draw(rng)
            rejected += proposal.rejected
            if proposal.candidate.id not in self.known:
                self.remember(trial, proposal.candidate)
                return Proposal(proposal.candidate, rejected)
        raise SpaceUsedUp(f"no new network in {REPEATS} draws after {len(self.known)} different ones")

    def remember(self, trial: int, candidate: Candidate) -> None:
        """Counts a candidate as asked, e.g. by an earlier process of the same run."""
        self.asked[trial] = candidate
        self.known.add(candidate.id)

    def progress(self, trial: int, accuracies: Sequence[float]) -> None:
        """How a trial is doing: its accuracy after each epoch so far, whenever one ends.

        Nothing here. Not told again of trials before a resume, so what is proposed by it may differ then.
        """

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
