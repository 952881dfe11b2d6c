"""Optuna's TPE as a strategy: its study is made of what was asked and told.  Loads Optuna (the extra `optuna`).

Source: Ozaki et al., Multiobjective Tree-Structured Parzen Estimator for Computationally Expensive Optimization
Problems, 2020, as Optuna has it. Optuna's NSGA-II keeps its generations in the study, which records cannot rebuild:
`nsga2` is the house's own.
"""

from __future__ import annotations

import math
import random
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from movinet.config.typed import ConfigError, require
from results.record import TrialRecord
from search.strategies.strategy import Proposal, Strategy, Task
from space.decision import Decision
from space.space import Candidate

if TYPE_CHECKING:
    import optuna

DRAWS = 50  # that may be over budget before a random candidate is asked


@dataclass(frozen=True)
class OptunaSettings:
    """first: random trials before the first model.  candidates: compared by it for each proposal."""

    first: int = 10
    candidates: int = 24

    def __post_init__(self):
        require(self.first >= 1, self, "first", "an integer >= 1")
        require(self.candidates >= 1, self, "candidates", "an integer >= 1")


class OptunaSampler(Strategy):
    """The multivariate TPE, of accuracy and the logarithms of the costs, or of the reward."""

    Settings = OptunaSettings
    settings: OptunaSettings

    def __init__(self, task: Task, settings: OptunaSettings, seed: int):
        super().__init__(task, settings, seed)
        self.optuna = _optuna()
        self.study = self.optuna.create_study(
            directions=["maximize"] if task.reward else ["maximize", *("minimize" for _ in task.costs)]
        )
        self.numbers: dict[int, int] = {}  # trial -> its number in the study

    def remember(self, trial: int, candidate: Candidate) -> None:
        super().remember(trial, candidate)
        self.numbers[trial] = len(self.study.trials)
        self.study.add_trial(self._frozen(candidate, self.optuna.trial.TrialState.RUNNING))

    def tell(self, record: TrialRecord) -> None:
        if any(told.trial == record.trial for told in self.told):  # tried again: a trial of the study ends once
            self.remember(record.trial, self.asked[record.trial])
        super().tell(record)
        if record.scored:
            self.study.tell(self.numbers[record.trial], self._values(record))
        else:
            self.study.tell(self.numbers[record.trial], state=self.optuna.trial.TrialState.FAIL)

    def draw(self, rng: random.Random) -> Proposal:
        if len(self.asked) < self.settings.first:
            return self.sample(rng)
        self.study.sampler = self._sampler(rng.getrandbits(32))
        proposal = self.first_within(self._candidate() for _ in range(DRAWS))
        if proposal is not None:
            return proposal
        fresh = self.sample(rng)
        return Proposal(fresh.candidate, fresh.rejected + DRAWS)

    def _sampler(self, seed: int) -> Any:
        settings = self.settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `group` is experimental: layers that not all networks have
            return self.optuna.samplers.TPESampler(
                n_startup_trials=settings.first,
                n_ei_candidates=settings.candidates,
                multivariate=True,
                group=True,
                seed=seed,
            )

    def _candidate(self) -> Candidate:
        """What the sampler suggests. The study forgets it: what is asked in earnest comes back by `remember`."""
        trial = self.study.ask()
        values: dict[str, Any] = {}
        for decision in self.task.space.active(values):
            values[decision.name] = decision.values[trial.suggest_categorical(decision.name, _indices(decision))]
        self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
        return Candidate(self.task.space, values)

    def _frozen(self, candidate: Candidate, state: Any) -> optuna.trial.FrozenTrial:
        decisions = self.task.space.by_name
        categorical = self.optuna.distributions.CategoricalDistribution
        return self.optuna.trial.create_trial(
            state=state,
            params={name: decisions[name].values.index(value) for name, value in candidate.values.items()},
            distributions={name: categorical(_indices(decisions[name])) for name in candidate.values},
        )

    def _values(self, record: TrialRecord) -> list[float]:
        if self.task.reward:
            return [self.task.reward.of(record, self.task.cost)]
        return [record.value("accuracy"), *(math.log(max(record.value(cost), 1)) for cost in self.task.costs)]


def _indices(decision: Decision) -> list[int]:
    """Optuna's choices are numbers and texts only; kernels are lists."""
    return list(range(len(decision.values)))


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ConfigError('search.strategy=optuna needs Optuna: pip install "movinet-search[optuna]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
