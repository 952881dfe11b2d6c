"""`python -m movinet bench models`: time and peak memory of networks, against Model Garden's in the same sitting."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

MODELS = """\
Measures a forward pass, a training step (4 clips of 8 frames of 112 pixels) and, of streams, one frame; each in a
process of its own, for time (median) and peak memory: of our networks as trained and fused, and with --peer of Model
Garden's, whose environment is made by

  python -m venv peer
  peer/bin/pip install "tensorflow==2.20.*" "tf-models-official==2.20.0"

examples:
  python -m movinet bench models                                      (a0-base and a0-stream)
  python -m movinet bench models --networks a0-base a2-base --peer peer/bin/python
  python -m movinet bench models --all --peer peer/bin/python --limit 1200 --out table.md table.json
  python -m movinet bench models --networks runs/default/family/A2/spec.yaml --threads 1
"""
DEFAULT_NETWORKS = ("a0-base", "a0-stream")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the commands to the parser of `bench`; each sets `run`, which takes the options and returns an exit code."""
    commands = parser.add_subparsers(dest="bench_command", required=True, metavar="COMMAND")
    models = commands.add_parser(
        "models",
        help="time and peak memory of networks, ours and Model Garden's",
        description=MODELS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    networks = models.add_mutually_exclusive_group()
    networks.add_argument(
        "--networks", nargs="+", metavar="NETWORK", help="published names or files of a spec (a0-base a0-stream)"
    )
    networks.add_argument("--all", action="store_true", help="every published network")
    models.add_argument("--peer", metavar="PYTHON", help="the interpreter of an environment with Model Garden")
    models.add_argument("--runs", type=int, default=10, metavar="N", help="runs of a measurement (default 10)")
    models.add_argument("--threads", type=int, default=0, metavar="N", help="0 for all cores (default)")
    models.add_argument(
        "--limit", type=float, default=600.0, metavar="SECONDS", help="of one measurement, start included (default 600)"
    )
    models.add_argument("--out", nargs="+", default=[], metavar="FILE", help="where to write it: .md, .json or both")
    models.set_defaults(run=_models)


def _models(options: argparse.Namespace) -> int:
    from movinet.bench.models import jobs, measure_all
    from movinet.bench.process import machine
    from movinet.bench.table import markdown, write

    for name, least in (("runs", 1), ("threads", 0), ("limit", 1)):
        if getattr(options, name) < least:
            raise ValueError(f"--{name} {getattr(options, name)} is not allowed; allowed: {least} or more")
    files, peer = [_file(name) for name in options.out], options.peer and _peer(options.peer)
    every = jobs(_networks(options), bool(peer), options.runs, options.limit / 4, options.threads)
    here, measurements = machine(options.threads), []
    if (load := here["load_average"] or 0) > 0.5:
        print(f"note: the machine is busy (load {load:.1f}): times will not repeat", file=sys.stderr)
    for measurement in measure_all(every, peer, options.limit, lambda line: print(line, file=sys.stderr, flush=True)):
        measurements.append(measurement)
        for file in files:  # after each, so that an interrupted sitting keeps what it has
            write(file, measurements, here)
    print(markdown(measurements, here), end="")
    return 0


def _networks(options: argparse.Namespace) -> dict:
    from movinet.presets import PRESETS
    from movinet.spec import spec_from_yaml

    networks = {}
    for name in list(PRESETS) if options.all else options.networks or DEFAULT_NETWORKS:
        if name not in PRESETS and not os.path.exists(name):
            raise ValueError(f"{name}: no file and no published network; allowed: a spec.yaml or {', '.join(PRESETS)}")
        networks[name] = PRESETS[name] if name in PRESETS else spec_from_yaml(name)
    return networks


def _file(name: str) -> Path:
    from movinet.bench.table import SUFFIXES

    path = Path(name)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"--out {name} is not allowed; allowed: a file that ends in {' or '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise ValueError(f"--out {name}: {path.parent} is no folder")
    return path


def _peer(python: str) -> str:
    """The interpreter, once it is known to have Model Garden."""
    found = shutil.which(python)
    if not found:
        raise ValueError(f"--peer {python} is no program; allowed: the python of an environment with Model Garden")
    look = "import importlib.util as u, sys; sys.exit(not (u.find_spec('official') and u.find_spec('tensorflow')))"
    if subprocess.run([found, "-c", look], capture_output=True).returncode:
        raise ValueError(f"--peer {python} has no tf-models-official; `python -m movinet bench models --help` says how")
    return found
