"""Does every network export, load and agree?  All presets and random candidates, base and stream, in every format.

Weights are bounded at random: ReZero's scalars are 0.1 to 0.3, since random networks as deep as A4 with scalars near
one magnify any rounding, whoever computes.  One line of JSON per file; called again, it goes on where it ended.
    python benchmarks/export_sweep.py --out sweep.jsonl --candidates 20 --size 32
    python benchmarks/export_sweep.py --out sweep.jsonl --table
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from movinet.export.errors import ExportError
from movinet.export.formats.registry import FORMATS, forms
from movinet.machine.quiet import native_stderr_closed
from movinet.presets import PRESETS
from movinet.spec import ClipSpec, MovinetSpec
from space.load import load_space
from space.sampling import sample

FILES = forms()
STREAM = {"causal": True, "conv_type": "2plus1d", "se_type": "2plus3d"}
STREAM |= {"activation": "hard_swish", "gating_activation": "hard_sigmoid"}
CLASSES = 8


def networks(space: str, candidates: int) -> Iterator[tuple[str, MovinetSpec]]:
    """Names and specs: the published ones, then candidates as base networks and as the streams made of them."""
    yield from PRESETS.items()
    drawn = load_space(space)
    for number in range(candidates):
        spec = sample(drawn, Random(number)).spec()
        yield f"candidate{number}-base", spec
        yield f"candidate{number}-stream", replace(spec, **STREAM, use_positional_encoding=number % 2 == 1)


def with_bounded_weights(spec: MovinetSpec) -> Any:
    """The network, every weight off its initial value, and its activations near one at any depth."""
    import keras
    import numpy as np

    from movinet.model import build_movinet

    keras.utils.set_random_seed(zlib.crc32(spec.id.encode()))
    model, rng = build_movinet(spec, CLASSES), np.random.default_rng(0)
    for variable in model.weights:
        if variable.path.endswith("scale"):
            variable.assign(rng.uniform(0.1, 0.3, variable.shape))
        elif len(variable.shape) == 1:
            variable.assign(variable + rng.uniform(-0.1, 0.1, variable.shape))
    return model


def exported(name: str, model: Any, clip: ClipSpec, file: str, folder: Path) -> dict[str, Any]:
    """A line of the results: how far the file is from the network, or why there is none."""
    from movinet.export.run import export

    form, begun, line = FILES[file], time.perf_counter(), {"network": name, "file": file}
    path = folder / f"{name}_{file}{FORMATS[form.format].suffix}"
    try:
        with native_stderr_closed():
            report = export(model, path, **asdict(form), clip=clip, at_frames=(1, 8))
        worst = max(row["relative_error"] for row in report["agreement"])
        line |= {"error": worst, "bytes": report["bytes"], "runtime": report["runtime"]}
    except ExportError as error:
        line |= {"refused": str(error)}
    return line | {"seconds": round(time.perf_counter() - begun, 1)}


def table(lines: list[dict[str, Any]]) -> str:
    """Networks, files and worst errors by kind of file."""
    rows = ["| file | networks | refused | worst error | of | median |", "| --- | ---: | ---: | ---: | --- | ---: |"]
    for file in FILES:
        mine = [line for line in lines if line["file"] == file]
        found = sorted((line["error"], line["network"]) for line in mine if "error" in line)
        if mine:
            (worst, name), (median, _) = (found[-1], found[len(found) // 2]) if found else [(float("nan"), "")] * 2
            rows.append(f"| {file} | {len(mine)} | {len(mine) - len(found)} | {worst:.1e} | {name} | {median:.1e} |")
    return "\n".join(rows)


def main() -> int:
    """Exports what the results lack, one line each, and prints the table. Returns 1 if a file was refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the results, JSON lines")
    parser.add_argument("--space", default="configs/spaces/movinet.yaml")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--size", type=int, default=32, help="height and width in pixels")
    parser.add_argument("--frames", type=int, default=4, help="frames of a clip")
    parser.add_argument("--workers", type=int, default=1, help="how many networks at a time")
    parser.add_argument("--files", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--networks", nargs="+", help="only those whose name begins so")
    parser.add_argument("--table", action="store_true", help="only show what was found")
    options = parser.parse_args()
    found = options.out.read_text(encoding="utf-8") if options.out.exists() else ""
    lines = [json.loads(line) for line in found.splitlines()]
    if not options.table:
        lines += sweep(options, {(line["network"], line["file"]) for line in lines})
    print(table(lines))
    return int(any("refused" in line for line in lines))


def sweep(options: argparse.Namespace, done: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Exports and notes each file that is not done; each network in a process of its own, which ends with it."""
    clip, lines = ClipSpec(options.frames, options.size, 5.0), []
    wanted = tuple(options.networks or [""])
    tasks = []
    for name, spec in networks(options.space, options.candidates):
        files = [file for file in options.files if spec.causal or not FILES[file].rank4]
        files = [file for file in files if name.startswith(wanted) and (name, file) not in done]
        if files:
            tasks.append((name, spec, clip, files))
    pool = get_context("spawn").Pool(options.workers, maxtasksperchild=1)
    with pool, options.out.open("a", encoding="utf-8") as results:
        for number, found in enumerate(pool.imap_unordered(files_of, tasks), 1):
            lines += found
            results.write("".join(json.dumps(line) + "\n" for line in found))
            results.flush()
            os.fsync(results.fileno())
            print(f"{number}/{len(tasks)} {found[0]['network']}", flush=True)
    return lines


def files_of(task: tuple[str, MovinetSpec, ClipSpec, list[str]]) -> list[dict[str, Any]]:
    """A line for each of a network's files."""
    name, spec, clip, files = task
    with TemporaryDirectory() as folder:
        with native_stderr_closed():
            model = with_bounded_weights(replace(spec, clip=clip))
        return [exported(name, model, clip, file, Path(folder)) for file in files]


if __name__ == "__main__":
    sys.exit(main())
