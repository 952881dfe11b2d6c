"""Keras Tuner's Bayesian optimisation as a strategy: its oracle is filled with what was told.  Loads Keras Tuner.

It knows one objective: the reward, or without one the accuracy of networks within the budget. Its Hyperband decides
how long trials train, which is `early_stopping` here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from movinet.config.typed import require
from results.record import TrialRecord
from search.strategies.strategy import Proposal, Strategy
from space.space import Candidate
from space.tuner_bridge import candidate_from, to_keras_tuner, to_labels

if TYPE_CHECKING:
    import keras_tuner

DRAWS = 3  # of the oracle, a search of its own each, that may be over budget before a random candidate is asked


@dataclass(frozen=True)
class KerasTunerSettings:
    """first: random trials before the first model.  beta: how much its uncertainty is worth against its mean."""

    first: int = 10
    beta: float = 2.6

    def __post_init__(self):
        require(self.first >= 1, self, "first", "an integer >= 1")
        require(self.beta >= 0, self, "beta", "a number >= 0")


class KerasTunerOracle(Strategy):
    """The upper confidence bound of a Gaussian process over the decisions, as `BayesianOptimizationOracle` has it."""

    Settings = KerasTunerSettings
    settings: KerasTunerSettings

    def draw(self, rng: random.Random) -> Proposal:
        scored = [record for record in self.told if record.scored]
        if len(self.asked) < self.settings.first or len(scored) < self.settings.first:
            return self.sample(rng)
        proposal = self.first_within(self._suggested(scored, rng))
        if proposal is not None and proposal.candidate.id not in self.known:
            return proposal
        fresh = self.sample(rng)
        return Proposal(fresh.candidate, fresh.rejected + (DRAWS if proposal is None else proposal.rejected))

    def _suggested(self, scored: list[TrialRecord], rng: random.Random) -> Iterator[Candidate]:
        oracle = self._oracle(scored, rng.getrandbits(31))
        for number in range(DRAWS):
            yield candidate_from(self.task.space, oracle.populate_space(str(number))["values"])

    def _oracle(self, scored: list[TrialRecord], seed: int) -> Any:
        import keras_tuner

        oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=keras_tuner.Objective("score", "max"),
            num_initial_points=self.settings.first,
            beta=self.settings.beta,
            seed=seed,
            hyperparameters=to_keras_tuner(self.task.space),
        )
        oracle.trials = {str(record.trial): self._trial(record) for record in scored}
        return oracle

    def _trial(self, record: TrialRecord) -> keras_tuner.engine.trial.Trial:
        from keras_tuner.engine.trial import Trial

        hyperparameters = to_keras_tuner(self.task.space)
        hyperparameters.values = to_labels(record.candidate)
        trial = Trial(hyperparameters, str(record.trial), "COMPLETED")
        trial.score = self.task.reward.of(record, self.task.cost) if self.task.reward else record.value("accuracy")
        return trial
