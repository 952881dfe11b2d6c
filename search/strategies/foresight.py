"""What a strategy expects of a candidate before it is trained: predicted accuracy, exact cost, gain in hypervolume.

A Gaussian process on features of the spec predicts accuracy (`search.predictors`); the merit is the expected gain in
hypervolume (`search.objectives.gain`), of the first cost where there are two. Trials under way count as if they had
come out as predicted, so that several workers look in different places. Nothing is kept but what was asked and told,
so the records rebuild it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from movinet.cost import Cost, network_cost
from results.pareto import Point, front
from results.record import TrialRecord, score_of
from search.predictors.features import features
from search.strategies.strategy import Strategy, Task
from space.space import Candidate

if TYPE_CHECKING:
    from search.predictors.accuracy import AccuracyPredictor

LEAST = 3  # trials with an accuracy, before anything is predicted


@dataclass(frozen=True)
class Look:
    """A candidate as the predictor sees it, and where it will stand on the axis of cost."""

    candidate: Candidate
    features: tuple[float, ...]
    cost: float


class Foresight(Strategy):
    """A strategy that may ask which of many candidates is expected to add most."""

    def __init__(self, task: Task, settings: Any, seed: int):
        super().__init__(task, settings, seed)
        self.looks: dict[int, Look] = {}  # of each trial that was asked
        self.curves: dict[int, tuple[float, ...]] = {}  # of trials under way, as far as they have come

    def remember(self, trial: int, candidate: Candidate) -> None:
        super().remember(trial, candidate)
        self.looks[trial] = self.look(candidate, self.cost(candidate))

    def progress(self, trial: int, accuracies: Sequence[float]) -> None:
        self.curves[trial] = tuple(accuracies)

    def best_of(self, pool: Sequence[Look], scored: list[TrialRecord], decades: float) -> Candidate:
        """The candidate of the pool that is expected to add most: to the front, or to the best reward.

        scored: trials with an accuracy, `LEAST` at least.  decades: of cost below the budget that count.
        """
        import numpy as np

        from search.objectives.gain import expected_gain, expected_improvement

        predictor, expected = self.belief(scored)
        points = [*((record.value(self.task.cost), record.value("accuracy")) for record in scored), *expected]
        means, deviations = predictor.predict([look.features for look in pool])
        costs = [look.cost for look in pool]
        if reward := self.task.reward:
            best = max(accuracy + reward.of_cost(cost) for cost, accuracy in points)
            gains = expected_improvement(np.array([best - reward.of_cost(cost) for cost in costs]), means, deviations)
        else:
            limit = getattr(self.task.budget, self.task.cost, None) or 1.01 * max(
                1.0, *costs, *(cost for cost, _ in points)
            )
            stairs = [points[index] for index in front(points)]
            low = limit / 10**decades
            gains = expected_gain(stairs, low, limit, 1 / max(self.task.num_classes, 2), costs, means, deviations)
        return pool[int(gains.argmax())].candidate

    def belief(self, scored: list[TrialRecord]) -> tuple[AccuracyPredictor, list[Point]]:
        """What the trials so far predict; and the points of those under way, which count as they are predicted."""
        from search.predictors.accuracy import AccuracyPredictor
        from search.predictors.evidence import Evidence, evidence_of, to_accuracy

        curves = {record.trial: [score_of(measured) for measured in record.measurements] for record in scored}
        epochs, pending = max(map(len, curves.values())), list(self.pending)
        curves |= {trial: list(self.curves.get(trial, ())) for trial in pending}
        told = zip(curves, evidence_of(list(curves.values()), epochs), strict=True)
        known = {trial: evidence for trial, evidence in told if evidence}
        predictor = AccuracyPredictor(self._rows(known), list(known.values()))
        if not pending:
            return predictor, []
        predicted = zip(pending, *predictor.predict(self._rows(pending)), strict=True)
        likely = {trial: Evidence(float(z), float(deviation) ** 2 / 4) for trial, z, deviation in predicted}
        points = [(self.looks[trial].cost, float(to_accuracy(each.z))) for trial, each in likely.items()]
        known = likely | known
        return AccuracyPredictor(self._rows(known), list(known.values()), predictor.kernel), points

    def _rows(self, trials: Iterable[int]) -> list[tuple[float, ...]]:
        return [self.looks[trial].features for trial in trials]

    def affordable(self, candidates: Iterable[Candidate]) -> tuple[list[Look], int]:
        """Those within the budget that were not asked before, each network once, and how many were over it."""
        found: dict[str, Look] = {}
        rejected = 0
        for candidate in candidates:
            if candidate.id in self.known or candidate.id in found:
                continue
            cost = self.cost(candidate)
            if self.task.budget.violation(cost):
                rejected += 1
            else:
                found[candidate.id] = self.look(candidate, cost)
        return list(found.values()), rejected

    def cost(self, candidate: Candidate) -> Cost:
        return network_cost(candidate.spec(), num_classes=self.task.num_classes)

    def look(self, candidate: Candidate, cost: Cost) -> Look:
        return Look(candidate, features(candidate.spec(), cost), float(getattr(cost, self.task.cost)))
