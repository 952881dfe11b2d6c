"""`python -m movinet bench deploy`: files for phones, each measured as an app runs it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from movinet.bench.options import check_least, out_file, peer_python, tell, warn_if_busy
from movinet.config.errors import InputError

if TYPE_CHECKING:
    from movinet.bench.deploy.sitting import Plan
    from movinet.models.model import Model

DEPLOY = """\
Exports MODEL in every format, and measures each file as an app runs it: in a process of its own, without TensorFlow,
by the runner that was exported with it, which passes all states on. Latency by threads, time until the first answer,
peak memory, size and, with --clips, accuracy; with --peer of Model Garden's own conversions too, with the same weights,
in rounds in which the files take turns. A published name without --weights has random weights, on which speed does not
depend.

examples:
  python -m movinet bench deploy a0-stream                            (all formats, 1, 2 and 4 threads)
  python -m movinet bench deploy a0-stream --peer peer/bin/python --keep deployed --out a0.md a0.json a0.png
  python -m movinet bench deploy runs/default/family/A2 --clips my_clips --calibration my_clips --threads 1
  python -m movinet bench deploy a2-stream --formats float32 int8-rank4 --runs 50 --rounds 1
"""
SUFFIXES = (".json", ".md", ".png")
CALIBRATION_CLIPS = 16  # as many as `export` takes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments; sets `run`, which takes the options and returns an exit code."""
    parser.description, parser.formatter_class = DEPLOY, argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", metavar="MODEL", help="a model folder, a published name (a0-stream), or a .keras file")
    parser.add_argument("--weights", "--checkpoint", metavar="CHECKPOINT", help="of a published name")
    parser.add_argument("--labels", metavar="FILE", help="names of the classes: a JSON list, or a line each")
    parser.add_argument(
        "--formats",
        nargs="+",
        metavar="FORMAT",
        help="float32 float16 dynamic int8 onnx, and of streams float32-rank4 ... (default: all that there are)",
    )
    parser.add_argument("--peer", metavar="PYTHON", help="an environment with Model Garden, as of bench models")
    parser.add_argument("--keep", metavar="DIR", help="where the files stay; Model Garden's are not made again")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2, 4], metavar="N", help="(default 1 2 4)")
    parser.add_argument("--runs", type=int, default=100, metavar="N", help="calls in a process (default 100)")
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="processes of a file and threads (default 3)"
    )
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help="of one process (default 600)")
    parser.add_argument("--clips", metavar="FOLDER", help="class folders or lists of videos, to be right about")
    parser.add_argument("--clip-count", type=int, default=100, metavar="N", help="of their val split (default 100)")
    parser.add_argument("--calibration", metavar="FOLDER", help="videos that tell int8 its ranges (default: drawn)")
    parser.add_argument("--out", nargs="+", default=[], metavar="FILE", help="where to write it: .md, .json, .png")
    parser.set_defaults(run=main)


def main(options: argparse.Namespace) -> int:
    """Measures, and prints the table. Returns 1 if every file failed."""
    out = _checked(options)
    peer = options.peer and peer_python(options.peer)
    from movinet.bench.deploy.files import network_or_random
    from movinet.bench.deploy.plot import draw
    from movinet.bench.deploy.sitting import Sitting
    from movinet.bench.deploy.table import markdown
    from movinet.bench.networks.table import write
    from movinet.bench.process import machine

    tell(f"loading {options.model} ...")
    network = network_or_random(options.model, options.weights, options.labels)
    for note in network.notes:
        tell(f"note: {note}")
    with TemporaryDirectory() as scratch:
        folder = Path(options.keep or f"{scratch}/files")
        folder.mkdir(parents=True, exist_ok=True)
        sitting = Sitting(network, _plan(options, network, peer, Path(scratch)), folder)
        about = machine(max(options.threads)) | asdict(sitting.about())
        warn_if_busy(about)
        for _ in sitting.run(tell):
            for file in out:  # after each step, so that an interrupted sitting keeps what it has
                if file.suffix.lower() != ".png":
                    write(file, sitting.measurements(), about, markdown)
        measured = sitting.measurements()
        for file in out:
            if file.suffix.lower() == ".png":
                draw(measured, about, file)
        print(markdown(measured, about), end="")
    return int(not any(each.calls for each in measured))


def _checked(options: argparse.Namespace) -> list[Path]:
    """The files to write, when all options that can be judged at once are allowed. Raises InputError."""
    from movinet.bench.deploy.files import measurable
    from movinet.presets import PRESETS

    check_least(options, threads=1, runs=1, rounds=1, limit=1, clip_count=1)
    if unknown := set(options.formats or ()) - set(measurable()):
        raise InputError(f"--formats {min(unknown)} is not allowed; allowed: {', '.join(measurable())}")
    if options.peer and options.model not in PRESETS:
        raise InputError(f"--peer is for published names ({', '.join(PRESETS)}), not for {options.model}")
    if options.clips and options.model in PRESETS and not options.weights:
        raise InputError(f"--clips needs trained weights; allowed: {options.model} with --weights")
    if not find_spec("ai_edge_litert"):
        raise InputError('bench deploy needs ai-edge-litert; pip install -e ".[litert]"')
    return [out_file(name, SUFFIXES) for name in options.out]


def _plan(options: argparse.Namespace, network: Model, peer: str | None, scratch: Path) -> Plan:
    """What is to be measured; the clips of --clips go to `scratch`."""
    from movinet.bench.deploy.clips import write_clips
    from movinet.bench.deploy.files import forms_of, measurable
    from movinet.bench.deploy.sitting import Plan
    from movinet.export.sample_clips import drawn_clips, video_clips

    forms = tuple(measurable()[name] for name in dict.fromkeys(options.formats or forms_of(network)))
    if not network.streams and (flat := [form.name for form in forms if form.rank4]):
        raise InputError(f"--formats {flat[0]} is for streams, and {network.name} takes whole clips")
    clips = calibration = None
    if options.clips:
        tell(f"reading clips of {options.clips} ...")
        clips = write_clips(options.clips, network.labels, network.clip, options.clip_count, scratch)
        calibration = drawn_clips(network.clip, CALIBRATION_CLIPS)  # for speed alone, fewer will do
    if options.calibration:
        calibration = video_clips(options.calibration, network.clip, CALIBRATION_CLIPS, say=tell)
    threads = tuple(dict.fromkeys(options.threads))
    return Plan(forms, threads, options.runs, options.rounds, options.limit, peer, calibration, clips)
