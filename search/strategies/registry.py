"""The strategies by the names that `search.strategy` knows: a new one is a file beside this and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from movinet.config.choice import Choice, NoSettings
from search.strategies.evolution import Evolution, EvolutionSettings
from search.strategies.guided import Guided, GuidedSettings
from search.strategies.keras_tuner_oracle import KerasTunerOracle, KerasTunerSettings
from search.strategies.nsga2 import Nsga2, Nsga2Settings
from search.strategies.optuna_sampler import OptunaSampler, OptunaSettings
from search.strategies.random_search import RandomSearch
from search.strategies.strategy import Strategy, Task

STRATEGIES: Mapping[str, tuple[type[Strategy], type]] = {
    "random": (RandomSearch, NoSettings),
    "evolution": (Evolution, EvolutionSettings),
    "nsga2": (Nsga2, Nsga2Settings),
    "guided": (Guided, GuidedSettings),
    "optuna": (OptunaSampler, OptunaSettings),
    "keras_tuner": (KerasTunerOracle, KerasTunerSettings),
}


@dataclass(frozen=True)
class StrategyChoice(Choice):
    """`search.strategy`: which, and its settings."""

    registry, base, default = STRATEGIES, Strategy, "evolution"

    def make(self, task: Task, seed: int) -> Strategy:
        """The strategy, with nothing asked yet."""
        return self.kind(task, self.settings, seed)
