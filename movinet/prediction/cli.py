"""`python -m movinet predict`: what videos, cameras and streams show."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from movinet.config.errors import InputError

if TYPE_CHECKING:
    from movinet.layers.pool import Pool
    from movinet.models.model import Model

EXAMPLES = """examples:
  python -m movinet predict clip.mp4 --model runs/default/family/A2
  python -m movinet predict my_clips --model runs/default/family/A2 --json > classes.jsonl
  python -m movinet predict long.mp4 --model runs/default/family/A2 --stream --every 25 --pool window:50
  python -m movinet predict cam:0 --model runs/default/family/A2/stream.tflite --stream --threshold 0.3
  python -m movinet predict rtsp://hall/1 rtsp://yard/1 --model runs/default/family/A2 --stream --reconnect
  python -m movinet predict clip.mp4 --model a0-stream --weights movinet_a0_stream --labels kinetics_600.txt --stream \\
      --overlay seen.mp4 --plot seen.png
  python -m movinet predict clip.mp4 --model runs/A4 --model runs/A5

SOURCE: a video file; a folder, of pictures or for all videos in it; cam:0; a URL (rtsp://, http://, file:// ...); - for
        standard input; several: files one after the other, live ones side by side
MODEL:  a model folder (runs/<name>/family/<member>), a published name with --weights, a .keras file, or a .tflite file
        that `python -m movinet export` wrote; several --model answer together, by the mean of their logits
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `predict`."""
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="what to look at (see below)")
    parser.add_argument("--model", required=True, action="append", metavar="MODEL", help="what looks (see below)")
    parser.add_argument(
        "--weights", action="append", metavar="CHECKPOINT", help="of a published name; several: in the names' order"
    )
    parser.add_argument("--labels", metavar="FILE", help="names of the classes: a JSON list, or a line each")
    parser.add_argument("--temporal-ensemble", action="store_true", help="two models take turns, frame by frame")
    parser.add_argument("--stream", action="store_true", help="frame by frame, by causal networks (default: one clip)")
    parser.add_argument("--pool", metavar="POOL", help="what a stream remembers: window:50 or half-life:25, in frames")
    parser.add_argument("--reconnect", action="store_true", help="open a live source anew when it breaks off")
    parser.add_argument("--every", type=int, metavar="N", help="frames between answers while a video goes on")
    parser.add_argument("--top", type=int, default=5, metavar="K", help="how many classes to show (default 5)")
    parser.add_argument("--threshold", type=float, default=0.0, metavar="P", help="the least probability shown")
    parser.add_argument(
        "--multi-label",
        action=argparse.BooleanOptionalAction,
        help="each class is a yes or no of its own (default: as the model folder was trained)",
    )
    parser.add_argument("--frames", type=int, metavar="N", help="frames of a clip (default: the model's)")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="height and width (default: the model's)")
    parser.add_argument("--fps", type=float, metavar="RATE", help="frames per second (default: the model's)")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    parser.add_argument("--overlay", metavar="FILE.mp4", help="the video with the classes drawn over it, no sound")
    parser.add_argument("--plot", metavar="FILE", help="probabilities over time: .png, or .gif beside the video")
    parser.set_defaults(run=main)


def main(options: argparse.Namespace) -> int:
    """Predicts and prints. Returns 1 if no video of a folder could be read; raises InputError for bad input."""
    _check(options)
    from movinet.machine.quiet import native_stderr_closed
    from movinet.prediction.drawing import Drawing
    from movinet.prediction.video import connects, find_videos, is_live, open_video

    source, *others = options.source
    videos = [video for each in options.source for video in find_videos(each)]
    alone = videos == [source]
    drawings = [Drawing(path) for path in (options.overlay, options.plot) if path]
    if drawings and not alone:
        what = "there are several sources" if others else f"{source} is a folder"
        raise InputError(f"{what}; allowed with --overlay and --plot: one video")
    if options.reconnect and not any(connects(each) for each in options.source):
        raise InputError("--reconnect is for cameras and network streams (cam:0, rtsp://, http:// ...)")
    for drawing in drawings:  # what cannot be written or opened is refused before anything is loaded
        drawing.refuse(source)
    if alone and not is_live(source):
        with open_video(source):
            pass
    print("loading the network ...", file=sys.stderr)
    with native_stderr_closed():
        pool, models = read_pool(options.pool), load_models(options)
    for note in dict.fromkeys(note for model in models for note in model.notes):
        print(f"note: {note}", file=sys.stderr)
    from movinet.prediction.run import Run, Show

    show = Show(options.top, options.threshold, options.json, not alone)
    run = Run(models, show, pool, options.stream, options.every, options.reconnect)
    if not alone:
        return run.several(videos)
    follows = options.stream or is_live(source)
    if not follows:
        run.clip(source)
    if follows or drawings:
        run.follow(source, options.overlay, options.plot, quiet=not follows)
    return 0


def load_models(options: argparse.Namespace) -> list[Model]:
    """What --model and the options beside it name. Raises InputError where models do not fit each other."""
    from movinet.models.load import load_model, temporal_pair
    from movinet.models.model import Wanted
    from movinet.presets import PRESETS

    checkpoints = options.weights or []
    if len(checkpoints) > sum(source in PRESETS for source in options.model):
        raise InputError(f"--weights {checkpoints[-1]}: allowed: one for each published name ({', '.join(PRESETS)})")
    given = iter(checkpoints)
    others = (options.labels, options.frames, options.size, options.fps, options.multi_label)
    models = [
        load_model(source, Wanted(next(given, None) if source in PRESETS else None, *others))
        for source in options.model
    ]
    for model in models[1:]:
        if (model.labels, model.multi_label) != (models[0].labels, models[0].multi_label):
            raise InputError(f"{model.name} has not the classes of {models[0].name}, in the same order")
    if options.temporal_ensemble:
        models = [temporal_pair(*models)]
    unable = [model.name for model in models if model.stream is None]
    if options.stream and unable:
        raise InputError(f"--stream: {unable[0]} is not causal; allowed: a causal network, or no --stream")
    return models


def read_pool(text: str | None) -> Pool:
    """window:50 or half-life:25, in frames. Raises InputError."""
    from movinet.layers.pool import CUMULATIVE, Exponential, Window

    if text is None:
        return CUMULATIVE
    kind, _, frames = text.partition(":")
    try:
        return {"window": lambda: Window(int(frames)), "half-life": lambda: Exponential(float(frames))}[kind]()
    except (KeyError, ValueError) as error:
        raise InputError(f"--pool {text} is not allowed; allowed: window:50, half-life:25 (frames, > 0)") from error


def _check(options: argparse.Namespace) -> None:
    for name in ("top", "every", "frames", "size", "fps"):
        value = getattr(options, name)
        if value is not None and not value >= (1e-3 if name == "fps" else 1):
            raise InputError(f"--{name} {value} is not allowed; allowed: {'> 0' if name == 'fps' else '1 or more'}")
    if not 0 <= options.threshold <= 1:
        raise InputError(f"--threshold {options.threshold} is not allowed; allowed: 0 to 1")
    for name, suffixes in {"overlay": (".mp4", ".mkv", ".mov"), "plot": (".png", ".gif")}.items():
        value = getattr(options, name)
        if value is not None and Path(value).suffix.lower() not in suffixes:
            raise InputError(f"--{name} {value} is not allowed; allowed: a file that ends in {', '.join(suffixes)}")
    if options.pool and not options.stream:
        raise InputError("--pool is for --stream: a clip's averages are over all its frames")
    if options.temporal_ensemble and len(options.model) != 2:
        raise InputError(f"--temporal-ensemble takes two models, not {len(options.model)}")
