"""Milliseconds per frame of every recorded network's exported file: the float32 stream, by LiteRT on one thread.

    python benchmarks/search/latency.py --files runs/files --workers 2 --write
    python benchmarks/search/latency.py --files runs/files --table benchmarks/search/latency.csv.gz

The first form exports what is not there yet, with random weights, since time does not depend on them.  The second one,
with nothing running beside it, lets all files take turns in rounds: warm calls first, then those that count.  A column
for the median of all calls, one for each round's, and the machine's load before each round.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from movinet.machine.files import write_whole
from movinet.spec import MovinetSpec
from results.table import read_table
from search.settings import load_settings

HERE = Path(__file__).parent
CONFIG = "configs/compare.yaml"
WARM, CALLS, ROUNDS, SECONDS = 20, 80, 3, 20.0
IDLE = 0.6  # load, above which something runs beside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=Path, required=True, help="folder of the exported files")
    parser.add_argument("--networks", type=int, help="the first so many only")
    parser.add_argument("--write", action="store_true", help="export what is not there")
    parser.add_argument("--workers", type=int, default=1, help="of --write")
    parser.add_argument("--table", type=Path, help="time all files and write this .csv.gz")
    parser.add_argument("--busy", action="store_true", help="time on a machine that is not idle, too")
    options = parser.parse_args()
    specs = dict(list(networks().items())[: options.networks])
    if options.write:
        write_files(specs, options.files, options.workers)
    if options.table:
        if os.getloadavg()[0] > IDLE and not options.busy:
            sys.exit(f"load {os.getloadavg()[0]:.2f} is not idle; allowed: {IDLE} at most, or --busy")
        files = {name: file for name in specs if (file := file_of(options.files, name)).exists()}
        write_latencies(files, options.table)


def networks() -> dict[str, MovinetSpec]:
    """All networks of the tables, by id."""
    space = load_settings(CONFIG).load_space()
    tables = sorted(HERE.glob("moving_shapes*.csv.gz"))
    return {
        one.spec_id: space.candidate(one.candidate).spec()
        for table in [*tables, HERE / "hard.csv.gz"]
        for one in read_table(table)
    }


def file_of(folder: Path, name: str) -> Path:
    return folder / name / f"{name}.tflite"


def write_files(specs: dict[str, MovinetSpec], folder: Path, workers: int) -> None:
    jobs = [(spec, file_of(folder, name)) for name, spec in specs.items() if not file_of(folder, name).exists()]
    began = time.monotonic()
    with get_context("spawn").Pool(workers, maxtasksperchild=20) as pool:
        for count, _ in enumerate(pool.imap_unordered(write_file, jobs), 1):
            left = (time.monotonic() - began) / count * (len(jobs) - count)
            print(f"{count}/{len(jobs)} exported, {left / 60:.0f} min left", flush=True)


def write_file(job: tuple[MovinetSpec, Path]) -> None:
    """One network as the file that a phone runs, and its runner."""
    spec, file = job
    import keras

    from movinet.export.run import export
    from movinet.machine.devices import prepare_tensorflow
    from movinet.model import build_movinet

    prepare_tensorflow(threads=1, gpu=False)
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    file.parent.mkdir(parents=True, exist_ok=True)
    classes = len(load_settings(CONFIG).data.moving_shapes.labels)
    export(build_movinet(spec, classes), file, clip=spec.clip, at_frames=(1,))


def write_latencies(files: dict[str, Path], table: Path) -> None:
    times: dict[str, list[list[float]]] = {name: [] for name in files}
    loads, began = [], time.monotonic()
    for number in range(ROUNDS):
        loads.append(round(os.getloadavg()[0], 2))
        for count, (name, file) in enumerate(files.items(), 1):
            times[name].append(calls_of(file))
            done = number * len(files) + count
            left = (time.monotonic() - began) / done * (ROUNDS * len(files) - done)
            print(
                f"\r{done}/{ROUNDS * len(files)} timings, {left / 60:.0f} min left ",
                end="",
                file=sys.stderr,
                flush=True,
            )
    print(f"\nload before each round: {loads}", file=sys.stderr)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["spec_id", "latency_ms", "rounds_ms", "loads"])
    for name, rounds in times.items():
        every = median(value for one in rounds for value in one)
        writer.writerow(
            [name, round(every, 5), json.dumps([round(median(one), 5) for one in rounds]), json.dumps(loads)]
        )
    write_whole(table, gzip.compress(text.getvalue().encode(), mtime=0))


def calls_of(file: Path) -> list[float]:
    """Milliseconds of the calls that count, one frame each."""
    from movinet.bench.deploy.runner import opened
    from movinet.bench.peer.measure import times

    video, frames = opened(file, 1)
    times(lambda: video.push(frames), WARM, SECONDS)
    return times(lambda: video.push(frames), CALLS, SECONDS)


if __name__ == "__main__":
    main()
