"""Trainings replayed from a table, and predicted where the table has no such network.  Loads scikit-learn.

A network of the table answers with its own curve. Any other answers with a curve that a forest, fitted to the table,
predicts for it, plus what the forest got wrong (out of the bag) about a network of like cost: so that replayed networks
differ as much as trained ones do, by more than their features tell, and so that asking again answers the same.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from movinet.cost import Cost
from movinet.spec import MovinetSpec
from results.agreement import agreement
from results.table import RecordedTraining
from search.predictors.evidence import to_accuracy, to_z
from search.predictors.features import features
from space.space import Space

TREES = 200
ALIKE = 15  # networks of the nearest cost, one of whose luck a predicted network has


@dataclass(frozen=True)
class Curve:
    """What a training would measure: accuracies after each epoch, in [0, 1], and seconds that an epoch takes."""

    accuracies: tuple[float, ...]
    epoch_seconds: float


class Recorded:
    """The trainings of a table as a function of the network.

    The forest is fitted to each network's mean curve, and judged by networks that its trees have not seen.
    error: mean absolute error of the predicted best accuracy.  explained: of the variance of the last epoch's z.
    order: how it orders networks of like cost; `reference`, how their FLOPs do (`results.agreement.Agreement`).
    """

    def __init__(self, trainings: Sequence[RecordedTraining], space: Space, seed: int = 0):
        self.seed = seed
        self.trained: dict[str, list[RecordedTraining]] = {}
        for training in trainings:
            self.trained.setdefault(training.spec_id, []).append(training)
        networks = [of_one[0] for of_one in self.trained.values()]
        rows = [features(space.candidate(one.candidate).spec(), Cost(**one.cost)) for one in networks]
        curves = [to_z(np.array([one.accuracies for one in of_one])) for of_one in self.trained.values()]
        means = np.array([each.mean(0) for each in curves])
        self.forest = RandomForestRegressor(TREES, min_samples_leaf=2, oob_score=True, random_state=0, n_jobs=1)
        self.forest.fit(rows, means)
        predicted = self.forest.oob_prediction_
        self.residuals = np.concatenate([each - guess for each, guess in zip(curves, predicted, strict=True)])
        self._judge(networks, predicted, means)
        ordered = [one for of_one in self.trained.values() for one in of_one]  # as the residuals are
        self.flops = np.log([one.cost["flops"] for one in ordered])
        seconds = np.log([one.seconds / len(one.accuracies) for one in ordered])
        self.slope, self.intercept = np.polyfit(self.flops, seconds, 1)
        self.kept: dict[str, Curve] = {}

    def _judge(self, networks: Sequence[RecordedTraining], predicted: np.ndarray, means: np.ndarray) -> None:
        guessed, best = to_accuracy(predicted.max(1)), to_accuracy(means.max(1))
        self.error = float(np.abs(guessed - best).mean())
        self.explained = float(1 - (means - predicted)[:, -1].var() / means[:, -1].var())
        flops = [float(one.cost["flops"]) for one in networks]
        self.order = agreement(flops, guessed.tolist(), best.tolist())
        self.reference = agreement(flops, flops, best.tolist())

    def __str__(self) -> str:
        return (
            f"surrogate on {len(self.trained)} networks, each held out: mean absolute error {self.error:.3f}, explains "
            f"{self.explained:.2f} of the variance, tau within octaves {self.order} (FLOPs {self.reference})"
        )

    def curve(self, spec: MovinetSpec, cost: Cost) -> Curve:
        """The curve of one training of this network; of several on record, one drawn by the replay's seed."""
        if spec.id not in self.kept:
            self.kept[spec.id] = self._curve(spec, cost, random.Random(f"{self.seed}:{spec.id}"))
        return self.kept[spec.id]

    def _curve(self, spec: MovinetSpec, cost: Cost, rng: random.Random) -> Curve:
        if found := self.trained.get(spec.id):
            one = rng.choice(found)
            return Curve(one.accuracies, one.seconds / len(one.accuracies))
        alike = np.argsort(np.abs(self.flops - np.log(cost.flops)), kind="stable")[:ALIKE]
        z = self.forest.predict([features(spec, cost)])[0] + self.residuals[rng.choice(list(alike))]
        accuracies = np.clip(to_accuracy(z), 0.0, 1.0)
        seconds = float(np.exp(self.intercept + self.slope * np.log(cost.flops)))
        return Curve(tuple(float(value) for value in accuracies), seconds)
