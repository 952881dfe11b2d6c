"""Ask and tell: budget kept, nothing asked twice, and the same state from the records alone."""

import random
from dataclasses import asdict
from functools import partial

import pytest

from movinet.cost import network_cost
from results.record import TrialRecord
from search.objectives.objective import absolute_reward, pareto_merits, reward_merits
from search.strategies.evolution import Evolution
from search.strategies.random_search import RandomSearch
from search.strategies.strategy import SpaceUsedUp, Strategy, Task
from space.budget import Budget
from space.decision import SpaceError
from space.load import load_space

TASK = Task(load_space("configs/spaces/moving_shapes.yaml"), Budget(flops=3_000_000), num_classes=8)
SMALL = load_space(
    {
        "space": {
            "clip": {"frames": 4, "frames_per_second": 5, "resolution": [32, 48]},
            "stem": {"filters": 8},
            "block2": {"stride": 2, "base_filters": [8, 16], "layers": 1, "expand_ratio": 2, "kernel": [1, 3, 3]},
            "head": {"project_filters": 16, "head_filters": 16},
        }
    }
)
STRATEGIES = {
    "random": lambda task=TASK: RandomSearch(task, seed=0),
    "pareto": lambda task=TASK: Evolution(task, 0, population=6, tournament=3, merits=pareto_merits),
    "reward": lambda task=TASK: Evolution(task, 0, 6, 3, partial(reward_merits, target_flops=2e6, beta=-0.1)),
}


def record(trial: int, candidate, accuracy: float | None, task: Task = TASK) -> TrialRecord:
    spec = candidate.spec()
    cost = asdict(network_cost(spec, num_classes=task.num_classes))
    status, reason = ("failed", "diverged") if accuracy is None else ("finished", None)
    return TrialRecord(trial, candidate.values, spec.to_dict(), spec.id, cost, status, 0, 1.0, accuracy, reason)


def made_up_accuracy(candidate) -> float:
    """More filters in the last block are better here; so there is something to find."""
    return candidate["block4.base_filters"] / 64 + candidate["block4.layers"] / 20


def searched(strategy: Strategy, trials: int) -> list[TrialRecord]:
    records = []
    for trial in range(trials):
        candidate = strategy.ask(trial).candidate
        records.append(record(trial, candidate, None if trial % 7 == 6 else made_up_accuracy(candidate)))
        strategy.tell(records[-1])
    return records


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_proposal_keeps_the_budget_and_is_new(name):
    records = searched(STRATEGIES[name](), 60)
    assert all(r.cost["flops"] <= 3_000_000 for r in records)
    assert len({r.spec_id for r in records}) == 60


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_seed_and_answers_give_the_same_search(name):
    assert searched(STRATEGIES[name](), 30) == searched(STRATEGIES[name](), 30)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("killed_after", [3, 11, 25])
def test_a_strategy_rebuilt_from_the_records_goes_on_as_if_it_had_never_stopped(name, killed_after):
    whole = searched(STRATEGIES[name](), 30)
    rebuilt = STRATEGIES[name]()
    for done in whole[:killed_after]:
        rebuilt.remember(TASK.space.candidate(done.candidate))
        rebuilt.tell(done)
    assert rebuilt.ask(killed_after).candidate.values == whole[killed_after].candidate


@pytest.mark.parametrize("name", STRATEGIES)
def test_candidates_over_budget_are_counted_not_proposed(name):
    strategy = STRATEGIES[name](Task(TASK.space, Budget(flops=1_200_000), 8))
    assert sum(strategy.ask(trial).rejected for trial in range(10)) > 10


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_small_space_is_used_up_to_its_last_network(name):
    strategy = STRATEGIES[name](Task(SMALL, Budget(), 8))
    found = set()
    with pytest.raises(SpaceUsedUp, match="after 4 different ones"):
        for trial in range(5):
            proposal = strategy.ask(trial)
            found.add(proposal.candidate.id)
            strategy.tell(record(trial, proposal.candidate, 0.5, strategy.task))
    assert len(found) == SMALL.size == 4


def test_a_budget_that_nothing_keeps_is_an_error_that_names_it():
    with pytest.raises(SpaceError, match="flops <= 10: kept by 0"):
        RandomSearch(Task(SMALL, Budget(flops=10), 8), seed=0).ask(0)


def test_evolution_finds_better_networks_than_random_draws_do():
    mean = {}
    for name in ("random", "reward"):
        late = [r.accuracy for r in searched(STRATEGIES[name](), 60)[30:] if r.accuracy is not None]
        mean[name] = sum(late) / len(late)
    assert mean["reward"] > mean["random"] + 0.05


def test_only_the_youngest_successful_trials_live():
    strategy = Evolution(TASK, 0, population=3, tournament=2, merits=pareto_merits)
    rng = random.Random(0)
    for trial in range(6):
        strategy.tell(record(trial, strategy.sample(rng).candidate, None if trial == 4 else 0.5))
    assert [r.trial for r in strategy.living()] == [2, 3, 5]


def test_a_child_differs_from_a_living_parent_in_one_decision():
    strategy = Evolution(TASK, 0, population=4, tournament=2, merits=pareto_merits)
    records = searched(strategy, 6)
    child = strategy.ask(6).candidate
    parents = [TASK.space.candidate(r.candidate) for r in records if r.scored][-4:]
    depths = [name for name in child.values if name.endswith(".layers")]
    changed = [{n for n in child.values if n in p.values and p.values[n] != child.values[n]} for p in parents]
    assert any(len(names) == 1 or (not names and depths) for names in changed)


def test_the_absolute_reward_of_tunas():
    assert absolute_reward(0.75, flops=300e6, target_flops=300e6) == 0.75
    assert absolute_reward(0.75, flops=450e6, target_flops=300e6) == pytest.approx(0.70)
    assert absolute_reward(0.75, flops=150e6, target_flops=300e6) == pytest.approx(0.70)


def test_pareto_merits_prefer_the_front_and_then_its_ends():
    strategy = RandomSearch(TASK, 0)
    drawn = [strategy.ask(trial).candidate for trial in range(4)]
    costs, accuracies = (100, 200, 300, 250), (0.3, 0.5, 0.6, 0.4)  # the last is dominated by the second
    records = []
    for trial, (candidate, flops, accuracy) in enumerate(zip(drawn, costs, accuracies, strict=True)):
        made = record(trial, candidate, accuracy)
        made.cost["flops"] = flops
        records.append(made)
    merits = pareto_merits(records)
    assert min(merits) == merits[3]
    assert merits[1] < merits[0] == merits[2]
