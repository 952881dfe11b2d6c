"""`python -m movinet export`: files of a network for phones and other runtimes, proved against the network."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export import FORMATS, QUANTIZATIONS, SUFFIXES, ExportError, export, is_causal
from movinet.presets import PRESETS
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras

EXAMPLES = """examples:
  python -m movinet export runs/default/family/A2 --out exported
  python -m movinet export runs/default/family/A2 --out exported --quantize int8 --calibration my_clips --drift 5000
  python -m movinet export a0-stream --checkpoint movinet_a0_stream --out exported --rank4
  python -m movinet export mine.keras --size 172 --frames 50 --out exported --format saved_model

Beside x.tflite (or x.onnx) are written x.json, which tells shapes, states, preprocessing and labels; x_runner.py, which
needs NumPy and the runtime alone; and x.report.json, how far the file's logits are from the network's.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments; sets `run`, which takes the options and returns an exit code."""
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawTextHelpFormatter
    parser.add_argument("model", metavar="MODEL", help="a model folder, a published name (a0-stream), or a .keras file")
    parser.add_argument("--out", required=True, metavar="DIR", help="where the files go")
    parser.add_argument("--checkpoint", metavar="PATH", help="weights of a published name")
    parser.add_argument("--format", choices=FORMATS, default="litert")
    parser.add_argument("--quantize", choices=QUANTIZATIONS, help="of litert (default: float32)")
    parser.add_argument(
        "--stream", action=argparse.BooleanOptionalAction, help="frame by frame (default: if the network is causal)"
    )
    parser.add_argument("--rank4", action="store_true", help="a stream without tensors of rank 5, for GPU delegates")
    parser.add_argument("--size", type=int, metavar="N", help="height and width in pixels (default: the network's)")
    parser.add_argument("--frames", type=int, metavar="N", help="frames of a clip (default: the network's)")
    parser.add_argument(
        "--calibration", metavar="FOLDER", help="videos to compare on, and to calibrate int8 (default: drawn shapes)"
    )
    parser.add_argument("--calibration-clips", type=int, default=16, metavar="N", help="how many (default 16)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which of them (default 0)")
    parser.add_argument(
        "--drift", type=int, default=50, metavar="N", help="compare a stream over so many frames (default 50)"
    )
    parser.set_defaults(run=main)


def main(options: argparse.Namespace) -> int:
    """Exports and prints the report."""
    for name in ("size", "frames", "calibration_clips", "drift"):
        if (value := getattr(options, name)) is not None and value < 1:
            raise ExportError(f"--{name.replace('_', '-')} {value} is not allowed; allowed: 1 or more")
    from movinet.quiet import native_stderr_closed

    print(f"loading {options.model} ...", flush=True)
    with native_stderr_closed():
        name, model, clip, labels = _loaded(options)
        clip = replace(clip, resolution=options.size or clip.resolution, frames=options.frames or clip.frames)
        from movinet.export.sample_clips import drawn_clips, video_clips

        count = options.calibration_clips
        clips = (
            video_clips(options.calibration, clip, count, options.seed)
            if options.calibration
            else drawn_clips(clip, count, options.seed)
        )
        path = Path(options.out) / _file_name(name, model, options)
        at = [frames for frames in (1, 50, 500, 5_000) if frames < options.drift] + [options.drift]
        report = export(
            model,
            path,
            options.format,
            options.quantize,
            stream=options.stream,
            clip=clip,
            labels=labels,
            clips=clips,
            rank4=options.rank4,
            at_frames=at,
            say=lambda line: print(line, flush=True),
        )
    for line in lines(report):
        print(line)
    print(f"written to {path}")
    return 0


def lines(report: dict[str, Any]) -> list[str]:
    """A report for people."""
    size = f"{report['bytes'] / 1e6:,.2f} MB"
    head = f"{report['file']}: {size}, {sum(report.get('operators', {}).values()) or 'no count of'} operators"
    rows = [
        f"  after {row['frames']:>5} frames: logits {row['relative_error']:.1e} off at most, "
        f"the same class in {row['same_class']:.1%} of calls"
        for row in report["agreement"]
    ]
    return [f"{head}, compared in {report['runtime']}", *rows]


def _file_name(name: str, model: keras.Model, options: argparse.Namespace) -> str:
    streams = options.stream if options.stream is not None else is_causal(model)
    parts = [name, "stream" if streams else "clip", options.quantize, "rank4" if options.rank4 else None]
    return "_".join(dict.fromkeys(part for part in parts if part)) + SUFFIXES[options.format]


def _loaded(options: argparse.Namespace) -> tuple[str, keras.Model, ClipSpec, Sequence[str] | None]:
    """Name, network, clip and labels of MODEL."""
    source = options.model
    if options.checkpoint and source not in PRESETS:
        raise ExportError(f"--checkpoint is for published names ({', '.join(PRESETS)}), not for {source}")
    if source in PRESETS:
        if not options.checkpoint:
            raise ExportError(f"{source} needs --checkpoint PATH: a network without weights tells nothing")
        from movinet.checkpoint import load_tensors, read_tensors
        from movinet.model import build_movinet

        tensors = read_tensors(options.checkpoint)
        if tensors.num_classes is None:
            raise ExportError(f"{options.checkpoint} holds no classifier; allowed: a network with one")
        model = build_movinet(PRESETS[source], tensors.num_classes)
        load_tensors(model, tensors, options.checkpoint)
        return source, model, PRESETS[source].clip, None
    if source.endswith(".keras") and os.path.isfile(source):
        import keras

        import movinet.model  # noqa: F401  # registers the layers

        loaded: Any = keras.models.load_model(source, compile=False)
        return Path(source).stem, loaded, ClipSpec(), None
    from movinet.predict import load_network, read_member

    member = read_member(source)
    return Path(source).resolve().name, load_network(member), member.spec.clip, member.labels
