"""Guided search: of thousands of candidates, whose costs are exact and free, the one that should add most to the front.

A Gaussian process on features of the spec predicts accuracy (`search.predictors`); the merit is the expected gain in
hypervolume (`search.objectives.gain`). Trials under way count as if they had come out as predicted, so that several
workers look in different places. Nothing is kept but what was asked and told, so the records rebuild it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from movinet.config.typed import require
from movinet.cost import network_cost
from results.pareto import Point, front
from results.record import TrialRecord, score_of
from search.predictors.features import features
from search.strategies.strategy import Proposal, SpaceUsedUp, Strategy, Task
from space.mutation import mutate
from space.sampling import sample
from space.space import Candidate

if TYPE_CHECKING:
    from search.predictors.accuracy import AccuracyPredictor

LEAST = 3  # trials with an accuracy, before anything is predicted
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


@dataclass(frozen=True)
class Known:
    """A network as the predictor and the front see it."""

    features: tuple[float, ...]
    flops: float


class Guided(Strategy):
    """Random at first, then by greatest expected gain among random candidates and mutations of the front."""

    Settings = GuidedSettings
    settings: GuidedSettings

    def __init__(self, task: Task, settings: GuidedSettings, seed: int):
        super().__init__(task, settings, seed)
        self.seen: dict[str, Known] = {}

    def draw(self, rng: random.Random) -> Proposal:
        scored = [record for record in self.told if record.scored]
        if len(self.asked) < self.settings.first or len(scored) < LEAST:
            return self.sample(rng)
        pool, rejected = self.pool(rng, scored)
        if not pool:
            raise SpaceUsedUp(
                f"no new network in {self.settings.candidates} draws after {len(self.known)} different ones"
            )
        predictor, points = self.belief(scored)
        return Proposal(self.best_of(pool, predictor, points), rejected)

    def belief(self, scored: list[TrialRecord]) -> tuple[AccuracyPredictor, list[Point]]:
        """What the trials so far predict, and the points they stand at; those under way as they are predicted."""
        from search.predictors.accuracy import AccuracyPredictor
        from search.predictors.evidence import Evidence, evidence_of, to_accuracy

        curves = [
            [score_of(measured) for measured in record.measurements] or [record.accuracy or 0.0] for record in scored
        ]
        told = evidence_of(curves, max(map(len, curves)))
        evidence = [found for found in told if found]
        rows = [
            self.look(record.spec_id, record.candidate).features
            for record, found in zip(scored, told, strict=True)
            if found
        ]
        points = [(float(record.cost["flops"]), record.accuracy or 0.0) for record in scored]
        predictor = AccuracyPredictor(rows, evidence)
        if pending := [self.look(candidate.id, candidate.values) for candidate in self.pending.values()]:
            means, deviations = predictor.predict([item.features for item in pending])
            evidence += [Evidence(float(z), float(d) ** 2 / 4) for z, d in zip(means, deviations, strict=True)]
            points += [(item.flops, float(to_accuracy(z))) for item, z in zip(pending, means, strict=True)]
            predictor = AccuracyPredictor([*rows, *(item.features for item in pending)], evidence, predictor.kernel)
        return predictor, points

    def best_of(self, pool: list[Candidate], predictor: AccuracyPredictor, points: list[Point]) -> Candidate:
        """The candidate of the pool that is expected to add most: to the front, or to the best reward."""
        import numpy as np

        from search.objectives.gain import expected_gain, expected_improvement

        known = [self.look(candidate.id, candidate.values) for candidate in pool]
        means, deviations = predictor.predict([item.features for item in known])
        costs = [item.flops for item in known]
        if reward := self.task.reward:
            best = max(accuracy + reward.of_cost(cost) for cost, accuracy in points)
            gains = expected_improvement(np.array([best - reward.of_cost(cost) for cost in costs]), means, deviations)
        else:
            limit = float(self.task.budget.flops or 1.01 * max(*costs, *(cost for cost, _ in points)))
            stairs = [points[index] for index in front(points)]
            low = limit / 10**self.settings.decades
            gains = expected_gain(stairs, low, limit, 1 / max(self.task.num_classes, 2), costs, means, deviations)
        return pool[int(gains.argmax())]

    def pool(self, rng: random.Random, scored: list[TrialRecord]) -> tuple[list[Candidate], int]:
        """Different candidates within the budget, none asked before: half random, half one to three mutations away."""
        space = self.task.space
        points = [(float(record.cost["flops"]), record.accuracy or 0.0) for record in scored]
        parents = [space.candidate(scored[index].candidate) for index in front(points)]
        found: dict[str, Candidate] = {}
        rejected = 0
        for number in range(self.settings.candidates):
            candidate = sample(space, rng) if number % 2 else rng.choice(parents)
            for _ in range(0 if number % 2 else rng.choice(STEPS)):
                candidate = mutate(candidate, space, rng)
            if candidate.id in self.known or candidate.id in found:
                continue
            cost = network_cost(candidate.spec(), num_classes=self.task.num_classes)
            if self.task.budget.violation(cost):
                rejected += 1
                continue
            found[candidate.id] = candidate
            self.seen[candidate.id] = Known(features(candidate.spec(), cost), float(cost.flops))
        return list(found.values()), rejected

    def look(self, network: str, values: dict[str, Any]) -> Known:
        """A network's features and cost, by its id; kept, since each trial is looked at again for every proposal."""
        if network not in self.seen:
            spec = self.task.space.candidate(values).spec()
            cost = network_cost(spec, num_classes=self.task.num_classes)
            self.seen[network] = Known(features(spec, cost), float(cost.flops))
        return self.seen[network]
