"""What a run folder remembers through a kill, and what a plan makes of it."""

import multiprocessing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movinet.config.typed import ConfigError
from movinet.cost import network_cost
from movinet.machine.lock import locked
from results.record import TrialRecord
from search.early_stopping.registry import EarlyStoppingChoice
from search.journal import ASKED_FILE, Asked, Journal
from search.plan import Assignment, Plan
from search.settings import SearchSettings
from search.strategies.registry import StrategyChoice
from search.strategies.strategy import Task
from space.budget import Budget
from space.load import load_space
from tests.support.search_runs import SPACE

TASK = Task(load_space({"space": SPACE}), Budget(), num_classes=8)
SETTINGS = SearchSettings(StrategyChoice.of("evolution", population=4, tournament=2), trials=12)
TINY = {"evolution": {"population": 4}, "guided": {"first": 3, "candidates": 20}, "optuna": {"first": 3}}


def plan(folder: Path) -> Plan:
    return Plan(TASK, SETTINGS, Journal(folder))


def record(assignment: Assignment) -> TrialRecord:
    spec, asked = assignment.spec, assignment.asked
    cost = asdict(network_cost(spec, num_classes=8))
    accuracy = (int(spec.id, 16) % 997) / 997  # made up, and the same for the same network
    return TrialRecord(asked.trial, asked.candidate, spec.to_dict(), spec.id, cost, "finished", 0, 1.0, accuracy)


def drained(current: Plan) -> list[int]:
    """Runs a plan to its end, one trial at a time; the trials in their order."""
    done = []
    while assignment := current.next():
        current.record(record(assignment))
        done.append(assignment.trial)
    return done


def test_a_plan_hands_out_every_trial_once_and_logs_it_first(tmp_path):
    current = plan(tmp_path)
    assignment = current.next()
    assert assignment
    assert Journal(tmp_path).asked[0].candidate == assignment.asked.candidate
    current.record(record(assignment))
    assert drained(current) == list(range(1, 12))
    assert current.next() is None
    assert current.remaining == 0


@settings(max_examples=30, deadline=None)  # every step waits for the disk
@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.data())
def test_a_plan_killed_anywhere_loses_and_repeats_nothing(tmp_path_factory, lives, data):
    """Each life asks up to two more than it records, in any order, and then dies."""
    folder = tmp_path_factory.mktemp("run")
    for steps in lives:
        current, running = plan(folder), []
        for _ in range(steps):
            while len(running) < 2 and (assignment := current.next()):
                running.append(assignment)
            if running:
                current.record(record(running.pop(data.draw(st.integers(0, len(running) - 1)))))
    drained(plan(folder))
    records = Journal(folder).records
    assert sorted(each.trial for each in records) == list(range(12))
    assert len({each.spec_id for each in records}) == 12


def test_a_plan_resumed_after_each_trial_searches_as_one_that_never_stopped(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    drained(plan(tmp_path / "whole"))
    while assignment := (current := plan(tmp_path / "parts")).next():
        current.record(record(assignment))
    assert Journal(tmp_path / "parts").records == Journal(tmp_path / "whole").records


def test_interrupted_trials_come_first_with_the_same_candidate(tmp_path):
    current = plan(tmp_path)
    first, second = current.next(), current.next()
    assert first
    assert second
    current.record(record(second))
    assert plan(tmp_path).next() == first


def test_a_torn_last_line_of_asked_is_forgotten(tmp_path):
    plan(tmp_path).next()
    path = tmp_path / ASKED_FILE
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"trial":1,"cand')
    journal = Journal(tmp_path)
    assert list(journal.asked) == [0]
    journal.ask(Asked(1, {}, 0))
    assert list(Journal(tmp_path).asked) == [0, 1]


def test_a_plan_ends_when_the_space_has_no_more(tmp_path):
    clip = {"frames": 2, "frames_per_second": 4, "resolution": [16, 24, 32]}
    block = {"stride": 2, "base_filters": 8, "layers": 1, "expand_ratio": 1, "kernel": [1, 3, 3]}
    head = {"project_filters": 16, "head_filters": 16}
    space = load_space({"space": {"clip": clip, "stem": {"filters": 8}, "block2": block, "head": head}})
    current = Plan(Task(space, Budget(), num_classes=8), SETTINGS, Journal(tmp_path))
    assert drained(current) == [0, 1, 2]
    assert current.is_used_up


def test_a_resumed_plan_stops_whom_the_whole_one_would(tmp_path):
    """Each trial says so at its first epoch: the better half goes on, of those that any process trained."""
    settings = SearchSettings(StrategyChoice.of("random"), 12, early_stopping=EarlyStoppingChoice.of("asha"))
    task, decisions = replace(TASK, epochs=4), {}
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
        current = Plan(task, settings, Journal(tmp_path / name))
        while assignment := current.next():
            ended = record(assignment)
            measured = [{"epoch": 1, "val_accuracy": ended.accuracy}]
            decisions.setdefault(assignment.trial, []).append(current.goes_on(assignment.trial, measured))
            current.record(replace(ended, measurements=measured))
            if name == "parts":
                current = Plan(task, settings, Journal(tmp_path / name))
    assert all(whole == parts for whole, parts in decisions.values())
    assert {whole for whole, _ in decisions.values()} == {True, False}


PAUSING = SearchSettings(
    StrategyChoice.of("guided", candidates=20), 8, early_stopping=EarlyStoppingChoice.of("promote")
)
LEARNS = replace(TASK, epochs=4)


def measured(assignment: Assignment, epochs: int) -> list[dict]:
    """A made-up curve, the same for the same network."""
    last = (int(assignment.spec.id, 16) % 997) / 997
    return [{"epoch": epoch, "val_accuracy": last * epoch / 4} for epoch in range(1, epochs + 1)]


def lived(folder: Path, epochs: int, epochs_of: dict[int, int]) -> Plan:
    """A process that trains one trial at a time, from where it was, and is killed after so many epochs."""
    current = Plan(LEARNS, PAUSING, Journal(folder))
    while epochs > 0 and (assignment := current.next()):
        trial = assignment.trial
        while epochs > 0:
            epochs -= 1
            epochs_of[trial] = epochs_of.get(trial, 0) + 1
            sofar = measured(assignment, epochs_of[trial])
            if not current.goes_on(trial, sofar) or len(sofar) == 4:
                current.ended(current.record_of(assignment, 0, sofar, 1.0))
                break
    return current


def test_a_trial_that_pauses_is_recorded_once_when_it_has_ended_for_good(tmp_path):
    epochs_of: dict[int, int] = {}
    current = lived(tmp_path, 1000, epochs_of)
    paused = set(current.journal.paused)
    assert paused
    assert not paused & {each.trial for each in Journal(tmp_path).records}
    assert {each.trial for each in current.end()} == paused
    records = Journal(tmp_path).records
    assert sorted(each.trial for each in records) == list(range(8))
    assert {each.trial: len(each.measurements) for each in records} == epochs_of
    assert {each.status for each in records} == {"finished", "stopped"}
    assert not Journal(tmp_path).paused


@pytest.mark.parametrize("life", [1, 2, 3, 5])
def test_paused_trials_outlive_kills_and_go_on_from_where_they_were(tmp_path, life):
    epochs_of: dict[int, int] = {}  # as checkpoints keep them
    while lived(tmp_path, life, epochs_of).next():
        pass
    Plan(LEARNS, PAUSING, Journal(tmp_path)).end()
    records = Journal(tmp_path).records
    assert sorted(each.trial for each in records) == list(range(8))
    assert {each.trial: len(each.measurements) for each in records} == epochs_of
    assert max(epochs_of.values()) == 4


def test_what_a_strategy_proposed_can_be_replayed_from_what_it_had_been_told_and_had_seen(tmp_path):
    lived(tmp_path, 1000, {})
    journal = Journal(tmp_path)
    curves = {each.trial: each for each in [*journal.records, *journal.paused.values()]}
    for asked in journal.asked.values():
        strategy = PAUSING.strategy.make(LEARNS, PAUSING.seed)
        for earlier in range(asked.trial):
            strategy.remember(earlier, LEARNS.space.candidate(journal.asked[earlier].candidate))
        for told in journal.history[: asked.told]:
            strategy.tell(told)
        for trial, epochs in asked.seen.items():
            strategy.progress(int(trial), [each["val_accuracy"] for each in curves[int(trial)].measurements[:epochs]])
        assert strategy.ask(asked.trial).candidate.values == asked.candidate


def hold(folder: Path, ready, leave) -> None:
    with locked(folder):
        ready.set()
        leave.wait(30)


def test_two_drivers_cannot_write_to_one_run(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready, leave))
    other.start()
    assert ready.wait(30)
    with (
        pytest.raises(ConfigError, match=f"is being written by process {other.pid}; wait, or stop it"),
        locked(tmp_path),
    ):
        pass
    other.kill()
    other.join()
    with locked(tmp_path):
        pass


def worked(folder: Path, limits: dict, seconds: float = 10.0, workers: int = 2) -> list[TrialRecord]:
    """The records of a search by a simulated clock, whose every epoch takes so long."""
    now = 0.0
    settings = replace(PAUSING, trials=None, early_stopping=EarlyStoppingChoice.of("none"), **limits)
    plan = Plan(LEARNS, settings, Journal(folder), lambda: now)
    running = {}
    while True:
        while len(running) < workers and (assignment := plan.next()):
            running[assignment.trial] = (assignment, 0)
        if not running:
            plan.end()
            return Journal(folder).records
        now += seconds
        for trial, (assignment, epoch) in list(running.items()):
            sofar = measured(assignment, epoch + 1)
            running[trial] = assignment, epoch + 1
            if not plan.goes_on(trial, sofar) or epoch + 1 == LEARNS.epochs:
                running.pop(trial)
                plan.ended(plan.record_of(assignment, 0, sofar, 1.0))


@pytest.mark.parametrize("epochs", [1, 7, 8])
def test_a_search_of_so_many_epochs_trains_that_many(tmp_path, epochs):
    records = worked(tmp_path, {"epochs": epochs})
    assert sum(len(each.measurements) for each in records) == epochs
    assert not Journal(tmp_path).unfinished


def test_a_search_of_so_many_hours_stops_what_runs_then_and_counts_its_earlier_lives(tmp_path):
    first = worked(tmp_path, {"epochs": 4})
    assert Journal(tmp_path).seconds == 20.0
    records = worked(tmp_path, {"hours": 50 / 3600})
    assert sum(len(each.measurements) for each in records[len(first) :]) == 6
    assert [each.status for each in records[len(first) :]] == ["stopped", "stopped"]
    assert Journal(tmp_path).seconds == 50.0
    assert worked(tmp_path, {"hours": 50 / 3600}) == records


def test_more_trials_go_on_where_fewer_ended(tmp_path):
    few = replace(SETTINGS, trials=5)
    drained(Plan(TASK, few, Journal(tmp_path)))
    assert drained(plan(tmp_path)) == list(range(5, 12))


@pytest.mark.parametrize("strategy", ["evolution", "guided", "optuna", "keras_tuner"])
def test_trials_that_failed_are_tried_again_and_their_last_record_counts(tmp_path, strategy):
    if strategy == "optuna":
        pytest.importorskip("optuna")
    settings = replace(SETTINGS, strategy=StrategyChoice.of(strategy, **TINY.get(strategy, {})), trials=6)
    current = Plan(TASK, settings, Journal(tmp_path))
    while assignment := current.next():
        lost = {"status": "failed", "reason": "worker lost", "accuracy": None} if assignment.trial in (1, 4) else {}
        current.record(replace(record(assignment), **lost))
    first = Journal(tmp_path).history
    assert not drained(Plan(TASK, settings, Journal(tmp_path)))
    again = Plan(TASK, settings, Journal(tmp_path), retry_failed=True)
    assert (again.remaining, [each.trial for each in again.ended_trials]) == (2, [0, 2, 3, 5])
    assert drained(again) == [1, 4]
    assert again.remaining == 0
    journal = Journal(tmp_path)
    assert journal.history[:6] == first
    assert len(journal.history) == 8
    assert [each.trial for each in journal.records] == [0, 2, 3, 5, 1, 4]
    assert all(each.scored for each in journal.records)
    assert drained(Plan(TASK, replace(settings, trials=8), journal)) == [6, 7]
