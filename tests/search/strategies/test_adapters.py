"""Optuna's and Keras Tuner's ways of searching learn from what they are told, as the house's own do."""

import random
import sys
from dataclasses import replace
from statistics import fmean

import pytest

from movinet.config.typed import ConfigError
from search.objectives.objective import Reward
from search.strategies.keras_tuner_oracle import KerasTunerOracle, KerasTunerSettings
from search.strategies.optuna_sampler import OptunaSampler, OptunaSettings
from search.strategies.random_search import RandomSearch
from space.sampling import sample
from space.tuner_bridge import candidate_from, to_labels
from tests.contracts.strategy_contract import TASK, ended, made_up_accuracy, searched

ONE = replace(TASK, reward=Reward(target=2e6))


def late_accuracy(strategy):
    return fmean(record.accuracy for record in searched(strategy, 40)[20:] if record.scored)


def test_optuna_finds_better_networks_than_chance():
    found = [late_accuracy(OptunaSampler(TASK, OptunaSettings(), seed)) for seed in range(3)]
    drawn = [late_accuracy(RandomSearch(TASK, RandomSearch.Settings(), seed)) for seed in range(3)]
    assert fmean(found) > fmean(drawn)


def test_optuna_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        ConfigError, match=r'search.strategy=optuna needs Optuna: pip install "movinet-search\[optuna\]"'
    ):
        OptunaSampler(TASK, OptunaSettings(), 0)


@pytest.mark.slow
def test_keras_tuner_proposes_by_what_it_was_told():
    """The reward is told apart by one decision only; where it is best, most proposals of the model are."""
    strategy = KerasTunerOracle(ONE, KerasTunerSettings(first=12), 0)
    for trial in range(12):
        candidate = strategy.ask(trial).candidate
        strategy.tell(ended(trial, candidate, made_up_accuracy(candidate), ONE))
    records = [record for record in strategy.told if record.scored]
    proposed = list(strategy._suggested(records, random.Random(0)))
    assert fmean(map(made_up_accuracy, proposed)) > fmean(record.accuracy for record in records)


def test_labels_of_a_candidate_give_it_back():
    candidate = sample(TASK.space, random.Random(1))
    assert candidate_from(TASK.space, to_labels(candidate.values)) == candidate
