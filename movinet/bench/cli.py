"""`python -m movinet bench`: networks, and their files for phones, against Model Garden's in the same sitting."""

from __future__ import annotations

import argparse
import os

from movinet.bench.deploy import cli as deploy_cli
from movinet.bench.options import check_least, out_file, peer_python, tell, warn_if_busy
from movinet.config.errors import InputError

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
    deploy_cli.add_arguments(
        commands.add_parser("deploy", help="latency, memory, size and accuracy of exported files, ours and the peer's")
    )


def _models(options: argparse.Namespace) -> int:
    from movinet.bench.networks.networks import jobs, measure_all
    from movinet.bench.networks.table import SUFFIXES, markdown, write
    from movinet.bench.process import machine

    check_least(options, runs=1, threads=0, limit=1)
    files, peer = [out_file(name, SUFFIXES) for name in options.out], options.peer and peer_python(options.peer)
    every = jobs(_networks(options), bool(peer), options.runs, options.limit / 4, options.threads)
    here, measurements = machine(options.threads), []
    warn_if_busy(here)
    for measurement in measure_all(every, peer, options.limit, tell):
        measurements.append(measurement)
        for file in files:  # after each, so that an interrupted sitting keeps what it has
            write(file, measurements, here)
    print(markdown(measurements, here), end="")
    return 0


def _networks(options: argparse.Namespace) -> dict:
    from movinet.config.typed import meant
    from movinet.presets import PRESETS
    from movinet.spec import read_spec

    networks = {}
    for name in list(PRESETS) if options.all else options.networks or DEFAULT_NETWORKS:
        if name not in PRESETS and not os.path.exists(name):
            allowed = f"{meant(name, PRESETS)}allowed: a spec.yaml or {', '.join(PRESETS)}"
            raise InputError(f"{name}: no file and no published network; {allowed}")
        networks[name] = PRESETS[name] if name in PRESETS else read_spec(name)
    return networks
