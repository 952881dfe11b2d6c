"""What every search strategy promises, as tests that any class can be put through, the house's and yours:

class TestMine(StrategyContract):
    @pytest.fixture
    def make(self):
        return lambda task: Mine(task, Mine.Settings(), seed=0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from movinet.cost import network_cost
from results.record import TrialRecord
from search.objectives.objective import Reward
from search.strategies.strategy import SpaceUsedUp, Strategy, Task
from space.budget import Budget
from space.decision import SpaceError
from space.load import load_space
from space.space import Candidate
from tests.support.spaces import MOVING_SHAPES

TASK = Task(MOVING_SHAPES, Budget(flops=3_000_000), num_classes=8)
FOUR = Task(  # networks
    load_space(
        {
            "space": {
                "clip": {"frames": 4, "frames_per_second": 5, "resolution": [32, 48]},
                "stem": {"filters": 8},
                "block2": {"stride": 2, "base_filters": [8, 16], "layers": 1, "expand_ratio": 2, "kernel": [1, 3, 3]},
                "head": {"project_filters": 16, "head_filters": 16},
            }
        }
    ),
    Budget(),
    num_classes=8,
)
TRIALS = 30

Make = Callable[[Task], Strategy]


def ended(trial: int, candidate: Candidate, accuracy: float | None, task: Task = TASK) -> TrialRecord:
    """The record of a trial; without an accuracy it failed."""
    spec = candidate.spec()
    cost = asdict(network_cost(spec, num_classes=task.num_classes))
    status, reason = ("failed", "diverged") if accuracy is None else ("finished", None)
    curve = (
        [] if accuracy is None else [{"epoch": 1, "val_accuracy": accuracy / 2}, {"epoch": 2, "val_accuracy": accuracy}]
    )
    return TrialRecord(trial, candidate.values, spec.to_dict(), spec.id, cost, status, 0, 1.0, accuracy, reason, curve)


def made_up_accuracy(candidate: Candidate) -> float:
    """More filters in the last block are better here; so there is something to find."""
    return candidate["block4.base_filters"] / 64 + candidate["block4.layers"] / 20


def searched(strategy: Strategy, trials: int = TRIALS) -> list[TrialRecord]:
    """One trial after the other; each seventh fails."""
    records = []
    for trial in range(trials):
        candidate = strategy.ask(trial).candidate
        records.append(ended(trial, candidate, None if trial % 7 == 6 else made_up_accuracy(candidate)))
        strategy.tell(records[-1])
    return records


class StrategyContract:
    """A subclass has a fixture `make`: a function from a task to the strategy with seed 0 and nothing asked."""

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError

    def test_every_proposal_is_of_the_space_keeps_the_budget_and_is_new(self, make: Make):
        records = searched(make(TASK))
        assert all(TASK.space.candidate(each.candidate).id == each.spec_id for each in records)
        assert all(each.cost["flops"] <= 3_000_000 for each in records)
        assert len({each.spec_id for each in records}) == TRIALS

    def test_the_same_seed_and_answers_give_the_same_search(self, make: Make):
        assert searched(make(TASK)) == searched(make(TASK))

    @pytest.mark.parametrize("killed_after", [3, 11, 25])
    def test_rebuilt_from_the_records_it_goes_on_as_if_it_had_never_stopped(self, make: Make, killed_after: int):
        whole, rebuilt = searched(make(TASK), killed_after + 1), make(TASK)
        for done in whole[:killed_after]:
            rebuilt.remember(done.trial, TASK.space.candidate(done.candidate))
        for done in whole[:killed_after]:
            rebuilt.tell(done)
        assert rebuilt.ask(killed_after).candidate.values == whole[killed_after].candidate

    def test_several_workers_ask_before_the_first_is_told(self, make: Make):
        strategy = make(TASK)
        asked = {trial: strategy.ask(trial).candidate for trial in range(16)}
        assert len({candidate.id for candidate in asked.values()}) == 16
        for trial in (2, 0, 9):
            strategy.progress(trial, [0.1])
            strategy.tell(ended(trial, asked[trial], 0.5))
        assert set(strategy.pending) == asked.keys() - {2, 0, 9}
        assert strategy.ask(16).candidate.id not in {candidate.id for candidate in asked.values()}

    def test_it_goes_on_where_every_trial_fails(self, make: Make):
        strategy = make(TASK)
        for trial in range(20):
            strategy.tell(ended(trial, strategy.ask(trial).candidate, None))

    def test_it_searches_for_a_reward(self, make: Make):
        assert len(searched(make(replace(TASK, reward=Reward(target=2e6))))) == TRIALS

    def test_it_searches_for_the_front_of_two_costs(self, make: Make):
        assert len(searched(make(replace(TASK, costs=("flops", "buffer_bytes"))))) == TRIALS

    def test_candidates_over_budget_are_counted_not_proposed(self, make: Make):
        tight = make(replace(TASK, budget=Budget(flops=1_200_000)))
        assert sum(tight.ask(trial).rejected for trial in range(10)) > 10

    def test_a_small_space_is_used_up_to_its_last_network(self, make: Make):
        strategy, found = make(FOUR), set()
        with pytest.raises(SpaceUsedUp, match="after 4 different ones"):
            for trial in range(5):
                proposal = strategy.ask(trial)
                found.add(proposal.candidate.id)
                strategy.tell(ended(trial, proposal.candidate, 0.5, FOUR))
        assert len(found) == FOUR.space.size == 4

    def test_a_budget_that_nothing_keeps_is_an_error_that_names_it(self, make: Make):
        with pytest.raises(SpaceError, match="flops <= 10: kept by 0"):
            make(replace(FOUR, budget=Budget(flops=10))).ask(0)
