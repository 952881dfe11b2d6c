"""`python -m movinet export`: files of a network for phones and other runtimes, proved against the network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.config.errors import answer
from movinet.export.errors import ExportError, RequestError
from movinet.export.formats.registry import FORMATS, QUANTIZATIONS, having
from movinet.export.job import DEFAULT, Form
from movinet.export.run import export_loaded
from movinet.machine.progress import Countdown, clock
from movinet.presets import PRESETS
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import numpy as np

    from movinet.data.sources.clip_set import ClipFile
    from movinet.models.model import Model

EXAMPLES = """examples:
  python -m movinet export runs/default/family/A2
  python -m movinet export runs/default/family --out exported --quantize float16
  python -m movinet export runs/default/family/A2 --quantize int8 --calibration my_clips --drift 5000
  python -m movinet export a0-stream --weights movinet_a0_stream --labels kinetics_600.txt --out exported --rank4
  python -m movinet export mine.keras --size 172 --frames 50 --out exported --format saved_model

Beside x.tflite (or x.onnx) are written x.json, which tells shapes, states, preprocessing and labels; x_runner.py, which
needs NumPy and the runtime alone (of .tflite x_runner.mjs, too, for Node and browsers); and x.report.json, how far the
file's logits are from the network's.
"""


@dataclass(frozen=True)
class OwnClips:
    """Clips of the networks' own training, and where they are, for messages."""

    files: Sequence[ClipFile]
    place: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments; sets `run`, which takes the options and returns an exit code."""
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawTextHelpFormatter
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a model folder, a folder of them, a published name (a0-stream), or a .keras file",
    )
    parser.add_argument("--out", metavar="DIR", help="where the files go (default: a model folder's into the folder)")
    parser.add_argument("--weights", "--checkpoint", metavar="CHECKPOINT", help="of a published name")
    parser.add_argument("--labels", metavar="FILE", help="names of the classes: a JSON list, or a line each")
    parser.add_argument(
        "--multi-label",
        action=argparse.BooleanOptionalAction,
        help="each class is a yes or no of its own (default: as the model folder was trained)",
    )
    parser.add_argument("--format", choices=FORMATS, default=DEFAULT)
    parser.add_argument("--quantize", choices=QUANTIZATIONS, help=f"of {having('quantizations')} (default: float32)")
    parser.add_argument(
        "--stream", action=argparse.BooleanOptionalAction, help="frame by frame (default: if the network is causal)"
    )
    parser.add_argument("--rank4", action="store_true", help="a stream without tensors of rank 5, for GPU delegates")
    parser.add_argument(
        "--fixed", action="store_true", help=f"a {having('fixed')} of one size, as TFLiteConverter wants it"
    )
    parser.add_argument("--size", type=int, metavar="N", help="height and width in pixels (default: the network's)")
    parser.add_argument("--frames", type=int, metavar="N", help="frames of a clip (default: the network's)")
    parser.add_argument("--fps", type=float, metavar="RATE", help="frames per second (default: the network's)")
    parser.add_argument(
        "--calibration", metavar="FOLDER", help="videos to compare on, and to calibrate int8 (default: drawn shapes)"
    )
    parser.add_argument("--calibration-clips", type=int, default=16, metavar="N", help="how many (default 16)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which of them (default 0)")
    parser.add_argument("--drift", type=int, default=50, metavar="N", help="compare over so many frames (default 50)")
    parser.set_defaults(run=main)


def main(options: argparse.Namespace, own: OwnClips | None = None) -> int:
    """Exports, and prints what is being done and the reports. Returns 1 if one of several models failed.

    own: clips to compare on, and to calibrate int8, where --calibration names none.
    """
    for name, least in {"size": 1, "frames": 1, "calibration_clips": 1, "seed": 0, "drift": 1}.items():
        if (value := getattr(options, name)) is not None and value < least:
            raise ExportError(f"--{name.replace('_', '-')} {value} is not allowed; allowed: {least} or more")
    if options.fps is not None and not options.fps > 0:
        raise ExportError(f"--fps {options.fps:g} is not allowed; allowed: > 0")
    models, countdown, failed = _models(options.model), Countdown(), []
    if options.out is None and (options.model in PRESETS or Path(options.model).is_file()):
        raise RequestError(f"{options.model}: --out is missing; only a model folder's files have a place of their own")
    for number, source in enumerate(models, 1):
        if len(models) > 1:
            print(f"{source}: {number} of {len(models)}", flush=True)
        try:
            _export(source, options, own)
        except RequestError:
            raise
        except Exception as error:
            if len(models) == 1 or isinstance(error, BrokenPipeError):
                raise
            failed.append(source)
            answer(error)
        if number < len(models):
            print(f"{clock(countdown.gone)} passed{countdown.left(number, len(models))}", flush=True)
    if failed:
        print(f"{len(failed)} of {len(models)} models were not exported: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _models(source: str) -> list[str]:
    """The model folders in a folder of them, or what is given."""
    folder = Path(source)
    if source in PRESETS or not folder.is_dir() or (folder / "spec.yaml").exists():
        return [source]
    return sorted(str(spec.parent) for spec in folder.glob("*/spec.yaml")) or [source]


def _export(source: str, options: argparse.Namespace, own: OwnClips | None) -> None:
    from movinet.machine.quiet import native_stderr_closed

    countdown = Countdown()

    def say(line: str) -> None:
        print(f"{countdown.gone:7.1f} s  {line}", flush=True)

    say(f"loading {source} ...")
    with native_stderr_closed():
        from movinet.models.load import load_model
        from movinet.models.model import Wanted

        wanted = Wanted(options.weights, options.labels, options.frames, options.size, options.fps, options.multi_label)
        model = load_model(source, wanted)
        model.keras_network()  # an exported file is refused before its clips are read
    for note in model.notes:
        say(f"note: {note}")
    form = Form(options.format, options.quantize, options.rank4, options.fixed)
    path = _place(source, model, form, options)
    report = export_loaded(
        model,
        path,
        form,
        stream=options.stream,
        clips=_clips(options, own, model.clip, say),
        at_frames=[frames for frames in (1, 50, 500, 5_000) if frames < options.drift] + [options.drift],
        say=say,
    )
    say(f"written to {path}")
    for line in lines(report):
        print(line)


def _clips(
    options: argparse.Namespace, own: OwnClips | None, clip: ClipSpec, say: Callable[[str], None]
) -> list[np.ndarray]:
    """To compare on, and to calibrate."""
    from movinet.export.sample_clips import centre_clips, drawn_clips, video_clips

    count, seed = options.calibration_clips, options.seed
    if options.calibration:
        return video_clips(options.calibration, clip, count, seed, say)
    return drawn_clips(clip, count, seed) if own is None else centre_clips(own.files, own.place, clip, count, seed, say)


def lines(report: dict[str, Any]) -> list[str]:
    """A report for people."""
    size = f"{report['bytes'] / 1e6:,.2f} MB"
    operators = f", {sum(report['operators'].values())} operators" if "operators" in report else ""
    rows = [
        f"  after {row['frames']:>5} frames: logits {row['relative_error']:.1e} off at most, "
        f"the same class in {row['same_class']:.1%} of calls"
        for row in report["agreement"]
    ]
    return [f"{report['file']}: {size}{operators}, compared in {report['runtime']}", *rows]


def _place(source: str, model: Model, form: Form, options: argparse.Namespace) -> Path:
    """A name tells what the file is: networks, formats and quantisations lie side by side, each with its manifest."""
    from movinet.model import is_causal

    called = "stream" if (is_causal(model.keras_network()) if options.stream is None else options.stream) else "clip"
    of = None if options.out is None else model.stem
    parts = [of, None if of and of.endswith(f"-{called}") else called, *form.words]
    file = "_".join(dict.fromkeys(part for part in parts if part)) + FORMATS[form.format].suffix
    return Path(options.out or source, file)
