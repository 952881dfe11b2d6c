"""Train networks of a config's space to the end and keep each epoch's accuracy: the table that `simulate.py` replays.

    python benchmarks/search/record.py --records runs/table.jsonl --networks 110 --workers 2
    python benchmarks/search/record.py --records runs/table.jsonl --table benchmarks/search/moving_shapes.csv.gz

Networks are drawn within the budget, evenly over the octaves of FLOPs, always the same ones for the same seed.  A call
that was interrupted goes on where it was; with more networks it adds to those there are.  --seeds 2 trains each of them
by two seeds, --set train.epochs=20 for longer: into records of their own.  The second form writes the table, and trains
nothing where no --networks are asked for.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from movinet.config.choice import NoSettings
from movinet.cost import network_cost
from movinet.machine.json_lines import append_line, whole_lines
from movinet.machine.progress import Countdown
from movinet.spec import MovinetSpec
from results.record import TrialRecord, record_from_json, score_of
from results.table import training_of, write_table
from search.clips import clips_of, prepare
from search.evaluators.evaluator import Given, Prepared
from search.evaluators.trained import Trained
from search.settings import Settings, load_settings
from search.strategies.strategy import Task
from search.view.listener import Listener
from space.sampling import sample_within
from space.space import Candidate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/compare.yaml", help="what is trained, and how")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other settings than the config's")
    parser.add_argument("--records", type=Path, required=True, help="a line of JSON for each training; resumable")
    parser.add_argument("--networks", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each network")
    parser.add_argument("--seed", type=int, default=0, help="which networks are drawn")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", type=Path, help="write a .csv.gz of all records")
    options = parser.parse_args()
    settings = load_settings(options.config, options.set)
    if options.networks:
        train_all(settings, options)
    if options.table:
        write_table(options.table, map(training_of, _records(options.records)))


def train_all(settings: Settings, options: argparse.Namespace) -> None:
    """Trains what is not on record yet, one line each as it ends."""
    space, clips = settings.load_space(), clips_of(settings.load_space())
    given = Given(settings.data, settings.train, clips, lambda: prepare(settings.data, clips, Listener()))
    prepared = Trained.prepare(NoSettings(), given)
    task = Task(space, settings.load_budget(), len(prepared.classes))
    done = {(record.spec_id, record.seed) for record in _records(options.records)}
    networks = networks_of(task, options.networks, options.seed)
    jobs = [
        (number, candidate.values, candidate.spec(), seed, prepared, settings.train.epochs)
        for seed in range(options.seeds)
        for number, candidate in enumerate(networks)
        if (candidate.id, seed) not in done
    ]
    options.records.parent.mkdir(parents=True, exist_ok=True)
    countdown = Countdown()
    with get_context("spawn").Pool(options.workers, maxtasksperchild=20) as pool:
        for count, record in enumerate(pool.imap_unordered(train, jobs), 1):
            append_line(options.records, record.to_json())
            text = f"{count}/{len(jobs)}  {record.cost['flops'] / 1e6:.2f} MFLOPs  {record.accuracy}"
            print(text + countdown.left(count, len(jobs)), flush=True)


def networks_of(task: Task, count: int, seed: int) -> list[Candidate]:
    """`count` different networks within the budget, evenly over octaves of FLOPs from the first draws' cheapest on."""
    rng = random.Random(f"table:{seed}")
    pools: dict[int, list[Candidate]] = {}
    seen: set[str] = set()
    for candidate in _draws(task, rng, 4 * count + 400):
        if candidate.id not in seen:
            seen.add(candidate.id)
            octave = math.floor(math.log2(network_cost(candidate.spec(), num_classes=task.num_classes).flops))
            pools.setdefault(octave, []).append(candidate)
    chosen: list[Candidate] = []
    while len(chosen) < count and any(pools.values()):
        chosen += [pool.pop(0) for _, pool in sorted(pools.items()) if pool]
    return chosen[:count]


def _draws(task: Task, rng: random.Random, count: int) -> Iterator[Candidate]:
    return (sample_within(task.space, task.budget, rng, num_classes=task.num_classes)[0] for _ in range(count))


def train(job: tuple[int, dict[str, Any], MovinetSpec, int, Prepared, int]) -> TrialRecord:
    """One network by one seed, on one thread."""
    number, values, spec, seed, prepared, epochs = job
    Trained.start_worker(threads=1, gpu=False)
    evaluator, began = Trained(NoSettings(), prepared.config, epochs), time.monotonic()
    evaluator.begin(spec, seed)
    while not evaluator.done:
        evaluator.epoch()
    seconds = time.monotonic() - began
    evaluator.end()
    measurements = [asdict(measured) for measured in evaluator.measurements]
    return TrialRecord(
        trial=number,
        candidate=values,
        spec=spec.to_dict(),
        spec_id=spec.id,
        cost=asdict(network_cost(spec, num_classes=len(prepared.classes))),
        status="finished",
        seed=seed,
        seconds=seconds,
        accuracy=max(map(score_of, measurements)),
        measurements=measurements,
        times=evaluator.times,
        val_clips=prepared.val_clips,
    )


def _records(path: Path) -> list[TrialRecord]:
    return [record_from_json(line) for line in whole_lines(path)]


if __name__ == "__main__":
    main()
