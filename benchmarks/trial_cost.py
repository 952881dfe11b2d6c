"""What a trial of a search costs on one CPU thread, by two checkouts of this project: seconds of processor time.

Networks of the default space nearest to 0.5, 1.5 and 3 MFLOPs, each trained to the end by either checkout in a process
of its own, in pairs whose order alternates: built, traced, trained, measured and checkpointed, libraries loaded before.
Prints each pair and the medians of their ratios.  Processor time bears a busy machine better than the clock does.
    git worktree add ../before 020f5d9
    python benchmarks/trial_cost.py ../before . --epochs 2 --pairs 5
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MFLOPS = (0.5, 1.5, 3.0)
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="*", help="before, after")
    parser.add_argument("--config", default=str(ROOT / "configs/default.yaml"))
    parser.add_argument("--epochs", type=int, help="those of the config, if not given")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--mflops", type=float, nargs="*", default=MFLOPS)
    parser.add_argument("--trial", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.trial:
        print(json.dumps(run_trial(options.trial)))
        return
    trials = trials_of(options)
    for mflops, trial in trials.items():
        ratios = []
        for pair in range(options.pairs):
            cost = {}
            for place in (0, 1) if pair % 2 == 0 else (1, 0):
                cost[place] = measured(options.checkouts[place], {**trial, "seed": pair})
            ratios.append(cost[1]["seconds"] / cost[0]["seconds"])
            cells = ", ".join(f"{cost[i]['seconds']:.1f} s (accuracy {cost[i]['accuracy']:.3f})" for i in (0, 1))
            print(f"{mflops:.2f} MFLOPs: {cells}: {ratios[-1]:.3f}", flush=True)
        print(f"{mflops:.2f} MFLOPs: median of {len(ratios)} ratios {statistics.median(ratios):.3f}", flush=True)


def trials_of(options: argparse.Namespace) -> dict[float, dict[str, Any]]:
    """MFLOPs -> the config of a trial (`search.engine.trial`), its clips prepared."""
    sys.path.insert(0, str(ROOT))
    from movinet.config.file import plain
    from movinet.cost import network_cost
    from search.clips import prepare
    from search.settings import load_settings
    from search.view.listener import Listener
    from space.sampling import sample_within

    settings, rng = load_settings(options.config, []), random.Random(0)
    space, budget = settings.load_space(), settings.load_budget()
    specs = [sample_within(space, budget, rng)[0].spec() for _ in range(400)]
    flops = {spec: network_cost(spec, num_classes=12).flops / 1e6 for spec in specs}
    chosen = [min(specs, key=lambda spec: abs(flops[spec] - wanted)) for wanted in options.mflops]
    cache = prepare(settings.data, [spec.clip for spec in chosen], Listener())
    train = replace(settings.train, epochs=options.epochs or settings.train.epochs)
    data = {"train": asdict(train), "cache": str(Path(cache.folder).absolute())}
    prepared = {**data, "data": plain(settings.data)}
    common = {"evaluator": "trained", "prepared": prepared, "epochs": train.epochs, "path": []}
    common |= {**data, "name": 0, "threads": 1}  # data: for checkouts of before search.evaluator
    common |= {"gpu_fraction": 0, "time_limit_s": None, "checkpoint": None, "member": None}
    return {flops[spec]: {**common, "spec": spec.to_dict()} for spec in chosen}


def measured(checkout: Path, trial: dict[str, Any]) -> dict[str, float]:
    """Runs this file in a process that finds the checkout's packages."""
    trial = {**trial, "checkout": str(checkout.resolve())}
    command = [sys.executable, __file__, "--trial", json.dumps(trial)]
    done = subprocess.run(
        command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def run_trial(config: dict[str, Any]) -> dict[str, float]:
    """Seconds of processor time of all steps of a trial, and its last accuracy."""
    sys.path.insert(0, config["checkout"])
    from search.engine.trial import Trial

    with tempfile.TemporaryDirectory() as folder:
        actor = Trial({**config, "logs": folder})
        import movinet.training.step  # noqa: F401
        import search.evaluators.trained  # noqa: F401  (what a worker has loaded by its second trial)

        result: dict[str, Any] = {"done": False}
        began = time.process_time()
        while not result["done"]:
            result = actor.step()
            actor.save_checkpoint(folder)
        if result["reason"]:
            raise RuntimeError(result["reason"])
        return {
            "seconds": time.process_time() - began,
            "accuracy": result["measurements"][-1]["val_accuracy"],
        }


if __name__ == "__main__":
    main()
