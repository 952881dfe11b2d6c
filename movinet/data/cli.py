"""`python -m movinet data check|index|synthesize`: what clips there are, what of them is broken; clips of our own."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

SOURCE = "a folder of class folders, a folder with Kinetics CSVs or a labels.csv, or one such list"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the commands to the parser of `data`; each sets `run`, which takes the options and returns an exit code."""
    commands = parser.add_subparsers(dest="data_command", required=True, metavar="COMMAND")
    add_commands(commands)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `check`, `index` and `synthesize` to the commands of `data`."""
    check = commands.add_parser("check", help="decode every clip; list what is broken and why")
    check.add_argument("source", metavar="SOURCE", help=SOURCE)
    check.add_argument("--report", metavar="FILE", help='JSON: {"good": n, "bad": [{"path", "reason"}]}')
    check.set_defaults(run=_check)
    index = commands.add_parser("index", help="write a list of clips with length, rate, size and hash of each")
    index.add_argument("source", metavar="SOURCE", help=SOURCE)
    index.add_argument("output", metavar="CSV", help="where to write it; it can be read as a source in its turn")
    index.set_defaults(run=_index)
    synthesize = commands.add_parser("synthesize", help="write moving shapes: real H.264 clips with known labels")
    synthesize.add_argument("folder", metavar="FOLDER", help="new, empty, or of the same settings")
    synthesize.add_argument("--train-clips", type=int, metavar="N", help="per class, to train on (default 130)")
    synthesize.add_argument("--val-clips", type=int, metavar="N", help="per class, to validate with (default 40)")
    synthesize.add_argument("--seed", type=int, help="other clips (default 0)")
    synthesize.set_defaults(run=_synthesize)
    for command in (check, index, synthesize):
        command.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")


def main(options: argparse.Namespace) -> int:
    """Runs the chosen command. Returns 0 when it could do all; raises ValueError for bad input."""
    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers {options.workers} is not allowed; allowed: 1 or more")
    return options.run(options)


def _check(options: argparse.Namespace) -> int:
    from movinet.data.check import inspect, report, write_report
    from movinet.data.sources import read_source

    found = read_source(options.source)
    journal = _journal(options.report) if options.report else None
    facts = inspect(found, journal, workers=options.workers, progress=_progress("checked"))
    result = report(facts)
    for each in result["bad"]:
        print(f"{each['path']}: {each['reason']}")
    print(f"{result['good']} clips are good, {len(result['bad'])} are not")
    if journal:
        write_report(facts, Path(options.report))
        journal.unlink()
        print(f"report: {options.report}")
    return 0


def _index(options: argparse.Namespace) -> int:
    from movinet.data.check import inspect, write_index
    from movinet.data.sources import read_source

    found = read_source(options.source)
    journal = _journal(options.output)
    facts = inspect(found, journal, hashed=True, workers=options.workers, progress=_progress("indexed"))
    write_index(facts, Path(options.output))
    journal.unlink()
    seconds = sum(each.seconds or 0 for each in facts)
    bad = sum(each.problem is not None for each in facts)
    print(f"{len(facts)} clips of {len(found.labels)} classes, {seconds / 60:.1f} minutes, {bad} with a problem")
    print(f"index: {options.output}")
    return 0


def _synthesize(options: argparse.Namespace) -> int:
    from movinet.data.moving_shapes import MovingShapes, synthesize

    given = {name: getattr(options, name) for name in ("train_clips", "val_clips", "seed")}
    shapes = MovingShapes(**{name: value for name, value in given.items() if value is not None})
    print(synthesize(options.folder, shapes, options.workers, _progress("written")))
    return 0


def _journal(output: str) -> Path:
    """Beside the output while the work goes on, so that the same command continues it."""
    path = Path(f"{output}.unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        print(f"going on with {path}", file=sys.stderr)
    return path


def _progress(what: str) -> Callable[[int, int], None]:
    """Counts on standard error: in place on a terminal, else a line every ten seconds."""
    begun, shown = time.monotonic(), 0.0
    done_before: int | None = None
    terminal = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        nonlocal shown, done_before
        now = time.monotonic()
        done_before = done - 1 if done_before is None else done_before
        if now - shown < (0.2 if terminal else 10) and done < total:
            return
        shown = now
        left = (now - begun) / (done - done_before) * (total - done)
        text = f"{what} {done}/{total} clips, {left:.0f} s left"
        print(f"\r{text:<60}" if terminal else text, end="\n" if done == total or not terminal else "", file=sys.stderr)

    return show
