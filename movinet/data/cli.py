"""`python -m movinet data check|index|reduce|show|synthesize`: what clips there are, what is broken; smaller sets."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from movinet.config.errors import InputError
from movinet.data.sources.clip_set import ClipSet, printable
from movinet.machine.progress import Count, Progress

SOURCE = (
    "a folder of class folders (of videos, or of folders of pictures), a folder with Kinetics CSVs, a labels.csv or "
    "TFRecord files, one such list, or a pattern of TFRecord files"
)
MOST_TOLD = 20  # clips with the same reason, a line each
CHECK = """Decodes every clip, those without a label too, and lists what is broken. Exits 0 when it could check all.
With --report, the same command goes on with an interrupted run.

examples:
  python -m movinet data check my_clips --report broken.json
  python -m movinet data check k400/annotations/val.csv
"""
INDEX = """A list of all clips, good or not, with what decoding showed of each.
The same command goes on with an interrupted run.

examples:
  python -m movinet data index my_clips my_clips.csv
"""
SYNTHESIZE = """Twelve classes of moving shapes, in the layout of Kinetics.
The same command goes on with an interrupted run.

examples:
  python -m movinet data synthesize shapes --train-clips 20 --val-clips 5
"""
REDUCE = """A folder of fewer and smaller clips, a source in its turn, with manifest.csv and manifest.json.
The same command goes on with an interrupted run. Clips that give no frames are replaced by others of their class.

examples:
  python -m movinet data reduce k400 k400-mini --classes 200 --clips train=400,val=25 --short-side 128 --fps 12
  python -m movinet data reduce k400 k400-few --ids train.list val.list test.list --seconds 4
  python -m movinet data reduce my_clips shards --format tfrecord --short-side 256 --fps 25
"""
SHOW = """A picture of clips with their labels: frames as they are read, and below them as training varies them.

examples:
  python -m movinet data show my_clips --out sheet.png
  python -m movinet data show k400-mini --out sheet.png --clips 12 --frames 10 --fps 5 --seed 3
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the commands to the parser of `data`; sets `run`, which takes the options and returns an exit code."""
    commands = parser.add_subparsers(dest="data_command", required=True, metavar="COMMAND")
    add_commands(commands)
    parser.set_defaults(run=main)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands of `data`; each sets `work`, what it does once the options of all of them are checked."""
    check = _command(commands, "check", CHECK, "decode every clip; list what is broken and why")
    check.add_argument("--report", metavar="FILE", help='JSON: {"good": n, "bad": [{"path", "reason"}]}')
    check.set_defaults(work=_check)
    index = _command(commands, "index", INDEX, "write a list of clips with length, rate, size and hash of each")
    index.add_argument("output", metavar="CSV", help="where to write it; it can be read as a source in its turn")
    index.set_defaults(work=_index)
    _add_reduce(commands)
    _add_show(commands)
    synthesize = _command(commands, "synthesize", SYNTHESIZE, "write moving shapes: real H.264 clips with known labels")
    synthesize.add_argument("folder", metavar="FOLDER", help="new, empty, or of the same settings")
    synthesize.add_argument("--train-clips", type=int, metavar="N", help="per class, to train on (default 130)")
    synthesize.add_argument("--val-clips", type=int, metavar="N", help="per class, to validate with (default 40)")
    synthesize.add_argument(
        "--test-clips", type=int, metavar="N", help="per class, for the test split (default 0: none)"
    )
    synthesize.add_argument("--seed", type=int, help="other clips (default 0)")
    synthesize.add_argument("--hard", action="store_true", default=None, help="24 classes, finer motions, distractors")
    synthesize.set_defaults(work=_synthesize)
    for name, command in commands.choices.items():
        command.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")
        if name != "synthesize":
            command.add_argument(
                "--frame-rate", type=float, metavar="FPS", help="of clips that are folders of pictures (default 25)"
            )
            command.add_argument(
                "--fold", type=int, default=1, metavar="N", help="of lists of several folds (default 1)"
            )
            command.add_argument("--root", metavar="FOLDER", help="replaces the beginning of paths written elsewhere")
        if name in ("check", "index", "reduce"):
            command.add_argument("--address", help="a Ray cluster whose machines do the work: auto, or host:port")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, description: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if name != "synthesize":
        parser.add_argument("source", metavar="SOURCE", help=SOURCE)
    return parser


def _add_reduce(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    reduce = _command(
        commands, "reduce", REDUCE, "write a smaller set: fewer classes and clips, shorter, smaller, at a lower rate"
    )
    reduce.add_argument("folder", metavar="DEST", help="new, empty, or of the same command, interrupted")
    reduce.add_argument("--classes", type=int, metavar="N", help="those with the most clips to train on")
    reduce.add_argument("--random-classes", action="store_true", help="choose them by the seed instead")
    reduce.add_argument("--labels", metavar="FILE", help="the classes to take, one per line")
    reduce.add_argument("--clips", metavar="M", help="per class, shared out over the splits; or train=400,val=25")
    reduce.add_argument("--ids", nargs="+", default=[], metavar="FILE", help="choose among these: lines of [label/]id")
    reduce.add_argument("--seed", type=int, default=0, help="other clips (default 0)")
    reduce.add_argument("--short-side", type=int, metavar="PIXELS", help="of the frames; smaller ones stay")
    reduce.add_argument("--fps", type=float, help="frames per second (default: each clip's own)")
    reduce.add_argument("--seconds", type=float, metavar="S", help="of longer clips the middle ones")
    reduce.add_argument("--format", default="mp4", help="mp4 (H.264, no sound; default) or tfrecord (JPEG frames)")
    reduce.set_defaults(work=_reduce)


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = _command(commands, "show", SHOW, "a picture of clips before and after augmentation")
    show.add_argument("--out", required=True, metavar="PNG", help="where to write it")
    show.add_argument("--split", default="train", help="train, val or test (default train)")
    show.add_argument("--clips", type=int, default=8, metavar="N", help="how many, of all classes in turn (default 8)")
    show.add_argument("--frames", type=int, default=8, metavar="N", help="of each clip (default 8)")
    show.add_argument("--size", type=int, default=112, metavar="PIXELS", help="of a frame (default 112)")
    show.add_argument("--fps", type=float, default=5.0, help="frames per second (default 5)")
    show.add_argument("--seed", type=int, default=0, help="other clips, other variations (default 0)")
    show.set_defaults(work=_show)


def main(options: argparse.Namespace) -> int:
    """Runs the chosen command. Returns 0 when it could do all; raises InputError for bad input."""
    if options.workers is not None and options.workers < 1:
        raise InputError(f"--workers {options.workers} is not allowed; allowed: 1 or more")
    if getattr(options, "frame_rate", None) is not None and options.frame_rate <= 0:
        raise InputError(f"--frame-rate {options.frame_rate:g} is not allowed; allowed: > 0")
    return options.work(options)


def _check(options: argparse.Namespace) -> int:
    from movinet.data.sets.check import inspect, report, write_report

    found = _source(options, labelled=False)
    journal = _journal(options.report) if options.report else None
    with _parallel(options) as parallel:
        facts = inspect(found, journal, False, options.workers, _progress("clips checked"), parallel)
    result = report(facts)
    _tell(result["bad"], options.report)
    print(f"{result['good']} clips are good, {len(result['bad'])} are not")
    if journal:
        write_report(facts, Path(options.report))
        journal.unlink()
        print(f"report: {options.report}")
    return 0


def _tell(bad: list[dict[str, str]], report: str | None) -> None:
    """A line for each clip; of a reason that many have, a count and three examples."""
    reasons = defaultdict(list)
    for each in bad:
        reasons[each["reason"]].append(each["path"])
    for reason, paths in reasons.items():
        if len(paths) <= MOST_TOLD:
            lines = [f"{path}: {reason}" for path in paths]
        else:
            where = f"all in {report}" if report else "--report FILE names all"
            lines = [f"{len(paths)} clips: {reason}, e.g. {', '.join(paths[:3])}; {where}"]
        print(*map(printable, lines), sep="\n")


def _index(options: argparse.Namespace) -> int:
    from movinet.data.sets.check import inspect, write_index

    found = _source(options, labelled=False)
    journal = _journal(options.output)
    with _parallel(options) as parallel:
        facts = inspect(found, journal, True, options.workers, _progress("clips indexed"), parallel)
    write_index(facts, Path(options.output))
    journal.unlink()
    seconds = sum(each.seconds or 0 for each in facts)
    bad = sum(each.problem is not None for each in facts)
    print(f"{len(facts)} clips of {len(found.labels)} classes, {seconds / 60:.1f} minutes, {bad} with a problem")
    print(f"index: {options.output}")
    return 0


def _reduce(options: argparse.Namespace) -> int:
    from movinet.data.sets.choice import Choice, read_clip_counts, read_ids, read_labels
    from movinet.data.sets.reduce import Reduction, reduce

    choice = Choice(
        options.classes,
        read_labels(Path(options.labels)) if options.labels else (),
        options.random_classes,
        read_clip_counts(options.clips) if options.clips else None,
        read_ids([Path(file) for file in options.ids]) if options.ids else None,
        options.seed,
    )
    reduction = Reduction(choice, options.short_side, options.fps, options.seconds, options.format)
    with _parallel(options) as parallel:
        result = reduce(
            _source(options), options.folder, reduction, options.workers, _progress("clips written"), parallel
        )
    _tell(result["skipped"], f"{options.folder}/manifest.json")
    skipped = len(result["skipped"])
    print(
        f"{options.folder}: {result['clips']} clips of {len(result['counts'])} classes, {result['seconds'] / 60:.1f} "
        f"minutes, {result['bytes'] / 1e6:.1f} MB; {skipped} skipped, {len(result['damaged'])} damaged but used"
    )
    return 0


def _show(options: argparse.Namespace) -> int:
    from movinet.data.sets.contact_sheet import write_sheet
    from movinet.spec import ClipSpec

    if Path(options.out).suffix.lower() != ".png":
        raise InputError(f"--out {options.out} is not allowed; allowed: a file that ends in .png")
    if options.seed < 0:
        raise InputError(f"--seed {options.seed} is not allowed; allowed: 0 or more")
    for name in ("frames", "size"):
        if (value := getattr(options, name)) < 1:
            raise InputError(f"--{name} {value} is not allowed; allowed: 1 or more")
    if not 0 < options.fps <= 1000:
        raise InputError(f"--fps {options.fps:g} is not allowed; allowed: a number > 0 and <= 1000")
    clip = ClipSpec(options.frames, options.size, options.fps)
    shown = write_sheet(
        _source(options), Path(options.out), clip, options.split, options.clips, options.seed, options.workers
    )
    print(f"{options.out}: {shown} clips")
    return 0


def _source(options: argparse.Namespace, labelled: bool = True) -> ClipSet:
    from movinet.data.sources.source import read_source

    source = os.path.abspath(options.source) if getattr(options, "address", None) else options.source
    found = read_source(
        source, frames_per_second=options.frame_rate, labelled=labelled, fold=options.fold, root=options.root
    )
    for line in found.doubts():
        print(line, file=sys.stderr)
    return found


@contextlib.contextmanager
def _parallel(options: argparse.Namespace) -> Iterator[Callable[..., Iterator[Any]]]:
    """What runs a function over many clips: processes here, or the machines of a Ray cluster."""
    if options.address is not None:
        from movinet.machine.cluster import machines

        with machines(options.address) as over_machines:
            yield over_machines
    else:
        from movinet.machine.processes import in_processes

        yield in_processes


def _synthesize(options: argparse.Namespace) -> int:
    from movinet.data.sets.moving_shapes import MovingShapes, synthesize

    given = {name: getattr(options, name) for name in ("train_clips", "val_clips", "test_clips", "seed", "hard")}
    shapes = MovingShapes(**{name: value for name, value in given.items() if value is not None})
    print(synthesize(options.folder, shapes, options.workers, _progress("clips written")))
    return 0


def _journal(output: str) -> Path:
    """Beside the output while the work goes on, so that the same command continues it."""
    if Path(output).is_dir():
        raise InputError(f"{output}: is a folder; allowed: a file")
    path = Path(f"{output}.unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        print(f"going on with {path}", file=sys.stderr)
    return path


def _progress(what: str) -> Count:
    return partial(Progress().count, what)
