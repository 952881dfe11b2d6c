"""Replay searches on a table of recorded trainings: many seeds, equal work, in minutes.

    python benchmarks/search/simulate.py --strategies default random random+asha evolution --seeds 30 --epochs 144

An arm is NAME or NAME+EARLY, a strategy and an early stopping by the names that a config knows them by, with their
default settings; `default` is what configs/default.yaml does.  Workers ask as they get free, so results come in the
order in which a live search would have them.  Work is counted in epochs, of trials under way too.  A front's worth is
its normalised hypervolume; regret is what it lacks of the best front known: of all trainings in the table, and of all
networks that a replay of this call trained.  p: Wilcoxon's signed-rank test, two-sided, of the first arm against each.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from movinet.cost import Cost
from results.pareto import Point, normalised_hypervolume
from results.table import read_table
from search.early_stopping.registry import EarlyStoppingChoice
from search.evaluators.recorded import Curve, Recorded
from search.journal import Memory
from search.plan import Assignment, Plan
from search.settings import Settings, load_settings
from search.strategies.registry import StrategyChoice
from search.strategies.strategy import Task

CONFIG, TABLE = "configs/compare.yaml", "benchmarks/search/moving_shapes.csv.gz"
LOW, HIGH = 0.4e6, 4e6  # FLOPs between which fronts are compared
STEP = 6  # epochs between two points of a curve


@dataclass(frozen=True)
class Arm:
    """What is compared: a strategy and an early stopping."""

    name: str
    strategy: StrategyChoice
    stopping: EarlyStoppingChoice


@dataclass
class Running:
    """A trial on a worker; curve: what its training will measure."""

    assignment: Assignment
    curve: Curve
    epoch: int = 0

    @property
    def measurements(self) -> list[dict[str, Any]]:
        """As a training would have them so far."""
        done = self.curve.accuracies[: self.epoch]
        return [{"epoch": number, "val_accuracy": accuracy} for number, accuracy in enumerate(done, 1)]


@dataclass
class Replay:
    """One search. points: (FLOPs, best accuracy so far) of each trial.  curve: (epochs of work, hypervolume)."""

    points: dict[int, Point] = field(default_factory=dict)
    whole: list[Point] = field(default_factory=list)  # of its networks, had each been trained to the end
    curve: list[tuple[int, float]] = field(default_factory=list)
    ask_seconds: list[float] = field(default_factory=list)
    begun: dict[int, Running] = field(default_factory=dict)


def replay(arm: Arm, world: World, seed: int, work: int, workers: int) -> Replay:
    """A search of `work` epochs on so many workers, by the plan that a live one follows."""
    settings = replace(
        world.settings.search, strategy=arm.strategy, early_stopping=arm.stopping, seed=seed, trials=work
    )
    plan, result = Plan(world.task, settings, Memory()), Replay()
    queue: list[tuple[float, int, Running]] = []  # (when the next epoch ends, trial, what runs)
    for _ in range(workers):
        hand_out(plan, world, result, queue, 0.0)
    for done in range(1, work + 1):
        if not queue:
            break
        now, trial, running = heapq.heappop(queue)
        running.epoch += 1
        measurements, seconds = running.measurements, running.curve.epoch_seconds
        result.points[trial] = world.point(running.assignment, running.curve.accuracies[: running.epoch])
        if plan.goes_on(trial, measurements) and running.epoch < world.epochs:
            heapq.heappush(queue, (now + seconds, trial, running))
        else:
            plan.ended(plan.record_of(running.assignment, seed, measurements, seconds * running.epoch))
            hand_out(plan, world, result, queue, now)
        if done % STEP == 0 or done == work:
            result.curve.append((done, world.hypervolume(list(result.points.values()))))
    return result


def hand_out(plan: Plan, world: World, result: Replay, queue: list, now: float) -> None:
    """The next trial to a free worker; none where the space is used up."""
    began = time.process_time()
    assignment = plan.next()
    result.ask_seconds.append(time.process_time() - began)
    if assignment is not None:
        running = result.begun.get(assignment.trial) or begin(assignment, world, result)
        heapq.heappush(queue, (now + running.curve.epoch_seconds, assignment.trial, running))


def begin(assignment: Assignment, world: World, result: Replay) -> Running:
    """A trial before its first epoch."""
    curve = world.recorded.curve(assignment.spec, Cost(**assignment.cost))
    result.whole.append(world.point(assignment, curve.accuracies))
    result.begun[assignment.trial] = Running(assignment, curve)
    return result.begun[assignment.trial]


class World:
    """What all arms search in: the task of a config on moving shapes, and the table's trainings."""

    def __init__(self, config: str, table: str):
        self.settings: Settings = load_settings(config)
        trainings = read_table(table)
        self.epochs = len(trainings[0].accuracies)
        self.task = Task(
            self.settings.load_space(),
            self.settings.load_budget(),
            len(self.settings.data.moving_shapes.labels),
            epochs=self.epochs,
        )
        self.recorded = Recorded(trainings, self.task.space)
        self.points: list[Point] = [(float(one.cost["flops"]), one.best) for one in trainings]

    def point(self, assignment: Assignment, accuracies: Sequence[float]) -> Point:
        """Where a network stands that was measured so."""
        return float(assignment.cost["flops"]), max(accuracies)

    def hypervolume(self, points: list[Point]) -> float:
        return normalised_hypervolume(points, LOW, HIGH, 1 / self.task.num_classes)


@cache
def world_of(config: str, table: str) -> World:
    return World(config, table)


def run_one(arm: Arm, seed: int, options: dict[str, Any]) -> Replay:
    """In a process of a pool, which makes its world once."""
    return replay(arm, world_of(options["config"], options["table"]), seed, options["epochs"], options["workers"])


def replay_all(jobs: list[tuple[Arm, int]], given: dict[str, Any], processes: int) -> list[Replay]:
    """All replays in the order of the jobs; the same ones for any number of processes."""
    began, replays = time.monotonic(), []
    pool = ProcessPoolExecutor(processes, get_context("spawn")) if processes > 1 else None
    futures = [pool.submit(run_one, arm, seed, given) for arm, seed in jobs] if pool else None
    for number, (arm, seed) in enumerate(jobs):
        replays.append(futures[number].result() if futures else run_one(arm, seed, given))
        left = (time.monotonic() - began) / (number + 1) * (len(jobs) - number - 1)
        print(f"\r{number + 1}/{len(jobs)} replays, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return replays


def arm_of(name: str, default: Settings) -> Arm:
    """`default`, NAME or NAME+EARLY. Raises ConfigError for a name that is not known."""
    if name == "default":
        return Arm(name, default.search.strategy, default.search.early_stopping)
    strategy, _, stopping = name.partition("+")
    return Arm(name, StrategyChoice.of(strategy), EarlyStoppingChoice.of(stopping or "none"))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", nargs="+", default=["default", "random", "evolution"], metavar="ARM")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=144, help="work of each search")
    parser.add_argument("--workers", type=int, default=2, help="of each search")
    parser.add_argument("--config", default=CONFIG, help="space, budget and classes of the table")
    parser.add_argument("--table", default=TABLE)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    arms = [arm_of(name, load_settings("configs/default.yaml")) for name in options.strategies]
    world = world_of(options.config, options.table)
    print(f"table: {len(world.points)} trainings; {world.recorded}", flush=True)
    given = {name: getattr(options, name) for name in ("config", "table", "epochs", "workers")}
    replays = replay_all([(arm, seed) for arm in arms for seed in range(options.seeds)], given, options.processes)
    known = world.points + [point for each in replays for point in each.whole]
    best = world.hypervolume(known)
    by_arm = {arm.name: replays[index * options.seeds : (index + 1) * options.seeds] for index, arm in enumerate(arms)}
    print_table(by_arm, best)
    if options.json:
        options.json.write_text(json.dumps({**summary(by_arm), "best_known": best}, indent=1), encoding="utf-8")


def summary(by_arm: dict[str, list[Replay]]) -> dict[str, Any]:
    """Per arm the hypervolume of each seed, and the mean curve."""
    found: dict[str, Any] = {}
    for name, replays in by_arm.items():
        columns = zip(*(each.curve for each in replays), strict=False)
        curve = [[points[0][0], fmean(value for _, value in points)] for points in columns]
        found[name] = {"hypervolume": [each.curve[-1][1] for each in replays], "curve": curve}
    return found


def print_table(by_arm: dict[str, list[Replay]], best: float) -> None:
    from scipy.stats import wilcoxon

    first = next(iter(by_arm))
    values = {name: [each.curve[-1][1] for each in replays] for name, replays in by_arm.items()}
    print(f"best known {best:.3f}\n{'arm':24}{'hypervolume':>18}{'regret':>9}{'p':>11}{'ask, CPU s':>12}")
    for name, found in values.items():
        spread = stdev(found) if len(found) > 1 else 0.0
        p = "" if found == values[first] else f"{wilcoxon(values[first], found).pvalue:.1e}"
        ask = fmean(seconds for each in by_arm[name] for seconds in each.ask_seconds)
        print(f"{name:24}{fmean(found):>10.3f} ± {spread:.3f}{best - fmean(found):>9.3f}{p:>11}{ask:>12.2f}")


if __name__ == "__main__":
    main()
