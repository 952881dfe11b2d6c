"""Evolution: who lives, who has children, and that it pays; and the merits that it goes by."""

import random
from dataclasses import replace

import pytest

from search.objectives.objective import Reward, pareto_merits
from search.strategies.evolution import Evolution, EvolutionSettings
from search.strategies.random_search import RandomSearch
from tests.contracts.strategy_contract import TASK, ended, searched


def evolution(population: int, tournament: int, reward: Reward | None = None) -> Evolution:
    return Evolution(replace(TASK, reward=reward), EvolutionSettings(population, tournament), seed=0)


def test_evolution_finds_better_networks_than_random_draws_do():
    mean = {}
    for strategy in (RandomSearch(TASK, None, seed=0), evolution(6, 3, Reward(target=2e6))):
        late = [r.accuracy for r in searched(strategy, 60)[30:] if r.accuracy is not None]
        mean[type(strategy)] = sum(late) / len(late)
    assert mean[Evolution] > mean[RandomSearch] + 0.05


def test_only_the_youngest_successful_trials_live():
    strategy = evolution(population=3, tournament=2)
    rng = random.Random(0)
    for trial in range(6):
        strategy.tell(ended(trial, strategy.sample(rng).candidate, None if trial == 4 else 0.5))
    assert [r.trial for r in strategy.living()] == [2, 3, 5]


def test_a_child_differs_from_a_living_parent_in_one_decision():
    strategy = evolution(population=4, tournament=2)
    records = searched(strategy, 6)
    child = strategy.ask(6).candidate
    parents = [TASK.space.candidate(r.candidate) for r in records if r.scored][-4:]
    depths = [name for name in child.values if name.endswith(".layers")]
    changed = [{n for n in child.values if n in p.values and p.values[n] != child.values[n]} for p in parents]
    assert any(len(names) == 1 or (not names and depths) for names in changed)


@pytest.mark.parametrize(("flops", "reward"), [(300_000_000, 0.75), (450_000_000, 0.70), (150_000_000, 0.70)])
def test_the_absolute_reward_of_tunas(flops, reward):
    record = ended(0, RandomSearch(TASK, None, 0).ask(0).candidate, 0.75)
    record.cost["flops"] = flops
    assert Reward(target=300e6).of(record, "flops") == pytest.approx(reward)


def test_pareto_merits_prefer_the_front_and_then_its_ends():
    strategy = RandomSearch(TASK, None, 0)
    drawn = [strategy.ask(trial).candidate for trial in range(4)]
    costs, accuracies = (100, 200, 300, 250), (0.3, 0.5, 0.6, 0.4)  # the last is dominated by the second
    records = []
    for trial, (candidate, flops, accuracy) in enumerate(zip(drawn, costs, accuracies, strict=True)):
        made = ended(trial, candidate, accuracy)
        made.cost["flops"] = flops
        records.append(made)
    merits = pareto_merits(records, ["flops"])
    assert min(merits) == merits[3]
    assert merits[1] < merits[0] == merits[2]
