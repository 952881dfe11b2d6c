"""Do networks differ by more than seeds do?  Candidates of the default run, each trained with several seeds.

Prints a table of best validation accuracies and the two spreads; with --one-frame also what a single frame tells.
Two cores: about five minutes for 6 networks x 3 seeds.    python benchmarks/moving_shapes_spread.py
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from movinet.cost import network_cost
from movinet.data.cache import FrameCache
from movinet.spec import MovinetSpec
from movinet.training.settings import TrainSettings
from search.clips import prepare
from search.settings import load_settings
from search.view.listener import Listener
from space.sampling import sample_within

Job = tuple[MovinetSpec, TrainSettings, Path]
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def train(job: Job) -> tuple[float, float]:
    """The best validation accuracy over the epochs, and the processor seconds that it took."""
    from movinet.training.new_model import new_model
    from movinet.training.training import Training

    spec, settings, folder = job
    began, cache = time.process_time(), FrameCache.open(folder)
    training = Training(new_model(spec, len(cache.labels), settings), cache, spec.clip, settings)
    best = max(training.epoch().val_accuracy for _ in range(settings.epochs))
    return best, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/default.yaml")
    parser.add_argument("--networks", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=0, help="seed of the choice of networks")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one-frame", action="store_true", help="the same networks on single frames")
    parser.add_argument("--set", nargs="*", default=[], metavar="key=value")
    options = parser.parse_args()
    os.environ.update(ONE_THREAD | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"})
    settings = load_settings(options.config, options.set)
    space, rng = settings.load_space(), random.Random(options.sample)
    specs = [sample_within(space, settings.load_budget(), rng)[0].spec() for _ in range(options.networks)]
    cache = prepare(settings.data, [spec.clip for spec in specs], Listener())
    if options.one_frame:
        specs = [replace(spec, clip=replace(spec.clip, frames=1)) for spec in specs]
    seeds = range(options.seeds)
    jobs = [(spec, replace(settings.train, seed=seed), cache.folder) for seed in seeds for spec in specs]
    results = []
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(train, jobs):
            results.append(result)
            print(f"{len(results)}/{len(jobs)} {result[0]:.3f} {result[1]:.0f} s", file=sys.stderr, flush=True)
    accuracy, seconds = (np.reshape([r[i] for r in results], (options.seeds, options.networks)).T for i in (0, 1))
    print_table(specs, accuracy, seconds, len(cache.labels))


def print_table(specs: list[MovinetSpec], accuracy: np.ndarray, seconds: np.ndarray, num_classes: int) -> None:
    """accuracy, seconds: (networks, seeds)."""
    print(f"| network | clip | MFLOPs | {' | '.join(f'seed {i}' for i in range(accuracy.shape[1]))} | mean | std | s |")
    print("|---" * (accuracy.shape[1] + 6) + "|")
    for spec, row, spent in sorted(zip(specs, accuracy, seconds, strict=True), key=lambda entry: entry[1].mean()):
        mflops = network_cost(spec, num_classes=num_classes).flops / 1e6
        clip = f"{spec.clip.frames}x{spec.clip.resolution}² at {spec.clip.frames_per_second:g}/s"
        cells = " | ".join(f"{value:.3f}" for value in row)
        print(
            f"| {spec.id} | {clip} | {mflops:.2f} | {cells} | {row.mean():.3f} | {_std(row):.3f} | {spent.mean():.0f} |"
        )
    between, within = _std(accuracy.mean(1)), float(np.sqrt(np.mean([_std(row) ** 2 for row in accuracy])))
    print(f"\nstandard deviation between networks (of their means) {between:.3f}, between seeds {within:.3f}")


def _std(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
