"""The front door: finds a family of MoViNets for your videos.  One command searches, scales, trains and draws."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from movinet.config.arguments import Parser
from movinet.config.errors import InputError, answer
from movinet.config.typed import meant

if TYPE_CHECKING:
    from movinet.export.cli import OwnClips
    from search.families import Families, Family
    from search.settings import Settings
    from search.view.listener import Listener

DEFAULT_CONFIG = "configs/default.yaml"
DEFAULT_RUNS = "runs"
OTHER_CLASSES = 10  # that networks are costed for where clips would have to be read to know
LOG = "logs/run_search.log"
NAMES = "allowed: letters, digits, dot, dash, underscore"
EXAMPLES = """examples:
  python run_search.py                                             embedded clips, a few minutes on two cores
  python run_search.py --config configs/folder.yaml --set data.path=my_clips
  python run_search.py --config configs/quick.yaml --set search.trials=8 train.epochs=2 --name tiny
  python run_search.py --config configs/quick.yaml --print-config  every setting, and what the networks cost
  python run_search.py resume default                              after an interruption (as does the same command)
  python run_search.py resume default --set search.trials=60       more trials of the same search
  python run_search.py scale default --set scaling.epochs=20       another family, the one before goes to families/1
  python run_search.py scale default --family long --set scaling.epochs=40
  python run_search.py plot default                                front.csv, pareto.png, pareto.svg anew
  python run_search.py export default --quantize int8              more files of the family, stream_int8.tflite here
  python run_search.py export default --out exported --format onnx
  python run_search.py show configs/spaces/movinet.yaml            how large a space is, and what its networks cost

exit codes: 0 done; 1 failed (one line why, and the log's path); 2 bad input; 130 interrupted (and how to go on)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code, as `movinet.config.errors.answer` says."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words.insert(0, "search")
    options = argparse.Namespace()
    try:
        parser = _parser()
        _, options.more = parser.parse_known_args(words, options)
        if options.more and options.run is not export:
            parser.error(f"unrecognized arguments: {' '.join(options.more)}")
        code = options.run(options) or 0
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt) as error:
        run = _begun_run(options)
        return answer(error, run and run / LOG, _how_to_go_on(run, options, words))


def _begun_run(options: argparse.Namespace) -> Path | None:
    """The folder of the run that the command is about, where there is one."""
    name = getattr(options, "name", None)
    run = Path(getattr(options, "runs_folder", DEFAULT_RUNS), name) if name and _is_run_name(name) else None
    return run if run and os.path.isdir(run) else None


def _how_to_go_on(run: Path | None, options: argparse.Namespace, words: Sequence[str]) -> str:
    """A search is resumed; whatever else is done with a run goes on by the same command."""
    if run is None or not (run / "config.yaml").is_file():
        return ""
    resumes = options.run in (search, resume)
    return f"; go on with: {_command('resume', run) if resumes else shlex.join(['python', 'run_search.py', *words])}"


def _command(verb: str, run: Path) -> str:
    """What to type to do this with a run."""
    elsewhere = [] if run.parent == Path(DEFAULT_RUNS) else ["--runs-folder", str(run.parent)]
    return shlex.join(["python", "run_search.py", verb, run.name, *elsewhere])


def search(options: argparse.Namespace) -> None:
    """Searches, or goes on searching; then scales the best candidate to a family, trains it, and draws."""
    from movinet.config.kinds import SEARCH
    from search.settings import read_settings

    settings, origins = read_settings(options.config, options.settings, (SEARCH,))
    if options.print_config:
        _print_config(settings, origins)
        return
    options.name = _name_of(options.config) if options.name is None else options.name
    _search_and_scale(settings, _run_folder(options), options.address)


def _print_config(settings: Settings, origins: Mapping[str, str]) -> None:
    """Every setting and its origin, and what the networks of the space cost."""
    from movinet.config.file import describe
    from space.show import summary

    classes = len(settings.data.moving_shapes.labels) if settings.data.path is None else OTHER_CLASSES
    print(describe(settings, origins))
    print(f"\n{summary(settings.load_space(), settings.load_budget(), num_classes=classes)}")


def resume(options: argparse.Namespace) -> None:
    """Goes on with a run as its own config.yaml says.

    --set changes that for good in what adds to the run or steers it: search.trials, search.hours, search.epochs,
    search.time_limit_s, resources.KEY.  --retry-failed tries trials that failed again; what comes of it counts.
    """
    from search.folder import steer_run

    run = _known_run(options)
    _search_and_scale(steer_run(run, options.settings), run, options.address, options.retry_failed)


def scale(options: argparse.Namespace) -> None:
    """Scales a run's best candidate to a family and trains it, with other settings of the section scaling if given.

    The family is the run's newest, in family/; the one before is moved to families/<n>/.  With --family NAME it is
    families/NAME/, and family/ stays.
    """
    from search.settings import load_settings

    run, name = _known_run(options), options.family
    for override in options.settings:
        if not override.startswith("scaling."):
            raise InputError(f"--set {override} is not allowed; allowed here: scaling.KEY=VALUE")
    folder = _family_folder(name)

    def work(settings: Settings, run: Path, listener: Listener, address: str | None) -> None:
        def choose(families: Families) -> Family:
            return families.newest(anew=True) if name is None else families.named(name, anew=bool(options.settings))

        _scale(settings, run, listener, address, choose)

    settings = load_settings(run / "config.yaml", options.settings)
    _with_terminal(work, settings, run, options.address, folder)


def _search_and_scale(settings: Settings, run: Path, address: str | None, retry_failed: bool = False) -> None:
    def both(settings: Settings, run: Path, listener: Listener, address: str | None) -> None:
        from search.run import run_search

        run_search(settings, run, listener, address, retry_failed)
        _scale(settings, run, listener, address, lambda families: families.newest())

    _with_terminal(both, settings, run, address)


def _scale(
    settings: Settings, run: Path, listener: Listener, address: str | None, choose: Callable[[Families], Family]
) -> None:
    """Trains the family that is chosen, or what is missing of it."""
    from results.members import read_labels
    from results.plots import write_front
    from results.store import load_records
    from search.families import Families
    from search.run import train_family

    write_front(run)
    labels = read_labels(run)
    if labels is None:
        raise InputError(f"{run}/labels.json is missing; allowed: a run as its search leaves it, with all its files")
    family = choose(Families(run, settings, load_records(run), len(labels)))
    train_family(family.settings, run, family.members, listener, address, family.folder)
    write_front(run)


def _family_folder(name: str | None) -> str:
    """Within the run's. Raises InputError for a name that is none."""
    if name is not None and not _is_run_name(name):
        raise InputError(f"--family {name} is not allowed; {NAMES}")
    return "family" if name is None else f"families/{name}"


def _with_terminal(
    work: Callable[..., None], settings: Settings, run: Path, address: str | None, family: str = "family"
) -> None:
    """Does the work under one live view, all other output going to the run's log; then sums it up."""
    from movinet.machine.terminal_output import output_to
    from results.summary import closing_summary
    from search.clips import example_video
    from search.view.terminal import Terminal

    print(f"run {run}, log {run / LOG}", flush=True)
    with output_to(run / LOG) as stream, Terminal(run.name, settings, stream) as terminal:
        work(settings, run, terminal, address)
    summary = closing_summary(run, example_video(settings.data, run), family)
    named = "" if family == "family" else f" --family {Path(family).name}"
    print(f"\n{summary}\nexport   {_command('export', run)}{named} --quantize int8")


def plot(options: argparse.Namespace) -> None:
    """Draws front.csv, pareto.png and pareto.svg anew."""
    from results.plots import write_front

    for path in write_front(_known_run(options)):
        print(path)


def export(options: argparse.Namespace) -> int:
    """Writes files of the family for phones and other runtimes, each beside its network and proved against it.

    Takes the options of `python -m movinet export` as well; without --calibration it takes clips that the run was
    trained on.  stream.tflite, in float32, is there since the training.
    """
    from movinet.export import cli

    run = _known_run(options)
    parser = Parser(prog=f"run_search.py export {run.name}", add_help=False)
    cli.add_arguments(parser)
    asked = parser.parse_args([str(run / _family_folder(options.family)), *options.more])
    return cli.main(asked, None if asked.calibration else _training_clips(run, asked.quantize == "int8"))


def _training_clips(run: Path, calibrates: bool) -> OwnClips | None:
    """What the run was trained on; where that is gone None, or InputError if int8 is to be calibrated on it."""
    from movinet.data.prepare import source_of
    from movinet.data.sources.clip_set import SourceError
    from movinet.export.cli import OwnClips
    from search.clips import clips_of_run
    from search.settings import load_settings

    data = load_settings(run / "config.yaml").data
    try:
        return OwnClips(clips_of_run(data, "train"), str(source_of(data)))
    except SourceError as error:
        text = f"{run}: its clips are gone ({error}); allowed: --calibration FOLDER, with videos of their kind"
        if calibrates:
            raise InputError(text) from error
        print(f"note: {text}; compared on drawn shapes", file=sys.stderr)
        return None


def show(options: argparse.Namespace) -> None:
    """Prints how large a space is, what it offers and what its networks cost."""
    from functools import partial

    from movinet.machine.progress import Progress
    from space.load import load_budget, load_space
    from space.show import show as describe

    if options.samples < 1:
        raise InputError(f"--samples {options.samples} is not allowed; allowed: 1 or more")
    space, budget = load_space(options.space), load_budget(options.space)
    print(describe(space, budget, samples=options.samples, progress=partial(Progress(least=3.0).count, "samples")))


def _name_of(config: str) -> str:
    """The run of a config file is called like the file."""
    return re.sub(r"[^\w.-]+", "-", Path(config).stem).strip(".-") or "run"


def _is_run_name(name: str) -> bool:
    return bool(re.fullmatch(r"\w[\w.-]*", name))


def _run_folder(options: argparse.Namespace) -> Path:
    if not _is_run_name(options.name):
        path = Path(options.name)
        near = f"did you mean {path.name} --runs-folder {path.parent}? " if (path / "config.yaml").is_file() else ""
        raise InputError(f"--name {options.name} is not allowed; {near}{NAMES}")
    return Path(options.runs_folder) / options.name


def _known_run(options: argparse.Namespace) -> Path:
    run = _run_folder(options)
    if not (run / "config.yaml").is_file():
        known = sorted(path.parent.name for path in Path(options.runs_folder).glob("*/config.yaml"))
        raise InputError(f"{run}: no such run; {meant(run.name, known)}allowed: {', '.join(known) or 'none yet'}")
    return run


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(function, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(function.__name__, help=text, description=function.__doc__)
        added.set_defaults(run=function)
        added.add_argument("--runs-folder", default=DEFAULT_RUNS, metavar="FOLDER", help="default: %(default)s")
        return added

    searching = verb(search, "search, scale, train and draw (the default verb)")
    searching.add_argument("--config", default=DEFAULT_CONFIG, metavar="FILE", help="default: %(default)s")
    searching.add_argument("--print-config", action="store_true", help="every setting, its origin and costs; no search")
    searching.add_argument("--name", help="of the run folder; default: the config's; a known name goes on")
    resuming = verb(resume, "go on with a run that was interrupted")
    resuming.add_argument("--retry-failed", action="store_true", help="try trials that failed once more")
    scaling = verb(scale, "train a family from a finished search")
    for each in (searching, resuming, scaling):
        each.add_argument(
            "--set",
            dest="settings",
            nargs="+",
            action="extend",
            default=[],
            metavar="KEY=VALUE",
            help="override settings, e.g. search.trials=8",
        )
    for each in (searching, resuming, scaling):
        each.add_argument("--address", help="of an existing Ray cluster: auto, or host:port; default: a local one")
    drawing = verb(plot, "draw a run's front and family anew")
    exporting = verb(export, "write the family's files for phones and other runtimes (options of `movinet export`)")
    scaling.add_argument("--family", metavar="NAME", help="write families/NAME/; default: family/, the newest")
    exporting.add_argument("--family", metavar="NAME", help="of families/NAME/; default: family/, the newest")
    for each in (resuming, scaling, drawing, exporting):
        each.add_argument("name", metavar="RUN", help="name of the run")
    showing = verb(show, "print a space's size, choices and costs")
    showing.add_argument("space", metavar="SPACE.yaml")
    showing.add_argument("--samples", type=int, default=10_000, help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
