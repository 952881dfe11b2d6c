"""`python -m movinet COMMAND`: the classes of videos; networks trained, counted, converted, exported, measured."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from movinet.bench.cli import add_arguments as add_bench_arguments
from movinet.config.arguments import Parser
from movinet.config.errors import InputError, answer
from movinet.data.cli import add_arguments as add_data_arguments
from movinet.experiment.cli import add_arguments as add_train_arguments
from movinet.export.cli import add_arguments as add_export_arguments
from movinet.prediction.cli import add_arguments as add_predict_arguments
from movinet.weights import cli as convert

EXAMPLES = """examples:
  python -m movinet predict clip.mp4 --model runs/default/family/A2
  python -m movinet predict cam:0 --model runs/default/family/A2
  python -m movinet cost a0-base a2-base
  python -m movinet cost runs/default/family/A2/spec.yaml --classes 8
  python -m movinet convert movinet_a0_stream movinet_a0_stream.safetensors
  python -m movinet export runs/default/family/A2 --out exported --quantize int8 --calibration my_clips
  python -m movinet train --config configs/experiments/folder.yaml --set data.path=my_clips --model_dir runs/mine
  python -m movinet bench models --networks a0-base --peer peer/bin/python
  python -m movinet bench deploy a0-stream --peer peer/bin/python --keep deployed --out a0.md a0.png
  python -m movinet data synthesize data/shapes --train-clips 50 --val-clips 20
  python -m movinet data check my_clips --report broken.json
  python -m movinet data reduce my_clips small --classes 20 --clips 50 --short-side 128 --fps 12

exit codes: 0 done; 1 failed (one line why, and where the details are); 2 bad input; 130 interrupted
"""
LOG = "logs/movinet.log"  # of a training's model folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code, as `movinet.config.errors.answer` says."""
    options = None
    try:
        options = _parser().parse_args(arguments)
        code = options.run(options)
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt) as error:
        folder = getattr(options, "model_dir", None)
        return answer(error, Path(folder, LOG) if folder and os.path.isdir(folder) else None)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m movinet", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_predict_arguments(commands.add_parser("predict", help="the classes of videos, cameras and streams"))
    cost = commands.add_parser("cost", help="multiply-adds, parameters and bytes of networks")
    cost.add_argument("networks", nargs="+", metavar="NETWORK", help="a published name (a0-base) or a spec.yaml")
    cost.add_argument("--frames", type=int, help="frames of a clip (default: the network's own)")
    cost.add_argument("--size", type=int, help="height and width in pixels (default: the network's own)")
    cost.add_argument("--classes", type=int, default=600, help="classes of the classifier (default 600)")
    cost.set_defaults(run=_cost)
    converter = commands.add_parser("convert", help="weights from one kind of file to another, proved by reading back")
    convert.add_arguments(converter)
    converter.set_defaults(run=_convert)
    add_export_arguments(commands.add_parser("export", help="files for phones and other runtimes, proved"))
    add_bench_arguments(commands.add_parser("bench", help="time and peak memory, against Model Garden's"))
    add_train_arguments(commands.add_parser("train", help="train a network from a YAML experiment, and measure it"))
    data = commands.add_parser("data", help="check, index, reduce, show or synthesize clips")
    add_data_arguments(data)
    return parser


def _convert(options: argparse.Namespace) -> int:
    from movinet.machine.quiet import native_stderr_closed

    with native_stderr_closed():
        return convert.main(options)


def _cost(options: argparse.Namespace) -> int:
    from movinet.config.typed import meant
    from movinet.cost import network_cost, together
    from movinet.presets import ENSEMBLES, PRESETS
    from movinet.spec import read_spec

    for name in ("frames", "size", "classes"):
        if (value := getattr(options, name)) is not None and value < 1:
            raise InputError(f"--{name} {value} is not allowed; allowed: 1 or more")
    rows = [["network", "clip", "MFLOPs", "parameters", "activations", "stream buffers"]]
    for name in options.networks:
        if name not in (*PRESETS, *ENSEMBLES) and not os.path.exists(name):
            names = (*PRESETS, *ENSEMBLES)
            allowed = f"{meant(name, names)}allowed: a spec.yaml or {', '.join(names)}"
            raise InputError(f"{name}: no file and no published network; {allowed}")
        specs = [PRESETS[m] if m in PRESETS else read_spec(m) for m in ENSEMBLES.get(name, (name,))]
        if options.size and options.size < (least := max(spec.stride for spec in specs)):
            raise InputError(f"--size {options.size} is not allowed; allowed: {least} or more, by which {name} strides")
        clips = [(options.frames or s.clip.frames, options.size or s.clip.resolution) for s in specs]
        cost = together([network_cost(s, *clip, options.classes) for s, clip in zip(specs, clips, strict=True)])
        shape = " + ".join(f"{frames} x {size}²" for frames, size in clips)
        megabytes = [f"{size / 1e6:,.2f} MB" for size in (cost.activation_bytes, cost.buffer_bytes)]
        rows.append([name, shape, f"{cost.flops / 1e6:,.1f}", f"{cost.parameters:,}", *megabytes])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        print("  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
