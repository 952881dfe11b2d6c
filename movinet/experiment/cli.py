"""`python -m movinet train`: a YAML experiment becomes a model folder."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from movinet.config.errors import InputError
from movinet.evaluation.intervals import Accuracy

MODES = ("train", "eval", "train_and_eval", "eval_continuous")
EXAMPLES = """examples:
  python -m movinet train --config configs/experiments/folder.yaml --set data.path=my_clips --model_dir runs/mine
  python -m movinet train --config configs/experiments/moving_shapes.yaml --mode train_and_eval --model_dir runs/shapes
  python -m movinet train --mode eval --model_dir runs/mine --set evaluation.clips=4 evaluation.crops=3
  python -m movinet train --config configs/experiments/kinetics600/a2-base.yaml --print-config
  python -m movinet train --config configs/experiments/folder.yaml --set run.workers=2 data.path=my_clips --model_dir m2
The same command again goes on where a killed one was.  run.workers: so many processes, a GPU each; run.address: on the
machines of a Ray cluster.  The folder is then a model: python -m movinet predict VIDEO
--model runs/mine
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `train`."""
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--config", metavar="FILE", help="a YAML experiment (default: the model folder's config.yaml)")
    parser.add_argument("--mode", choices=MODES, default="train", help="what to do (default train)")
    parser.add_argument("--model_dir", metavar="FOLDER", help="where the model is, or will be")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change a setting, such as train.epochs=3",
    )
    parser.add_argument("--print-config", action="store_true", help="show every setting and its origin, then stop")
    parser.set_defaults(run=main)


def main(options: argparse.Namespace) -> int:
    """Runs the command. Returns 0; raises InputError for bad input."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the clips' small products are slower on more
    from movinet.config.file import describe
    from movinet.experiment.settings import load_experiment

    own = Path(options.model_dir, "config.yaml") if options.model_dir else None
    config = options.config or (own if own and own.is_file() else None)
    if config is None:
        raise InputError("--config is missing; allowed: a YAML experiment, or a --model_dir that holds a config.yaml")
    experiment, origins = load_experiment(config, options.overrides)
    if options.print_config:
        print(describe(experiment, origins))
        return 0
    if options.model_dir is None:
        raise InputError("--model_dir is missing; allowed: a folder for the model")
    from movinet.experiment.continuous import evaluate_continuously
    from movinet.experiment.progress import TrainingProgress
    from movinet.experiment.session import train
    from movinet.experiment.workers import WorkersFailed, train_with_workers
    from movinet.machine.devices import prepare_tensorflow
    from movinet.training.measurement import TrainingDiverged

    progress, workers = TrainingProgress(), experiment.run.workers > 1 or experiment.run.address is not None
    if not workers or options.mode.startswith("eval"):
        prepare_tensorflow(experiment.run.threads, deterministic=experiment.run.deterministic)
    if options.mode == "eval_continuous":
        evaluate_continuously(experiment, options.model_dir, progress)
        return 0
    if options.mode != "eval":
        try:
            if workers:
                metrics = train_with_workers(experiment, options.model_dir)
                prepare_tensorflow(experiment.run.threads, deterministic=experiment.run.deterministic)
            else:
                metrics = train(experiment, options.model_dir, progress)
        except KeyboardInterrupt:
            print("\ninterrupted; the same command goes on from the last checkpoint", file=sys.stderr)
            return 130
        except WorkersFailed as error:
            print(f"error: {error}" if str(error) else "a worker gave up; see above", file=sys.stderr)
            return error.code
        except TrainingDiverged as error:
            print(f"error: training diverged: {error.reason}; a lower train.learning_rate may help", file=sys.stderr)
            return 1
        top1, top5 = (Accuracy(metrics[name], metrics["val_clips"]) for name in ("top1", "top5"))
        print(
            f"{options.model_dir}: top-1 {top1}, top-5 {top5} on {top1.clips} clips of validation "
            f"(epoch {metrics['epoch']}, the best of {metrics['epochs']}, which flatters)"
        )
    if options.mode != "train":
        from movinet.experiment.report import evaluate_folder

        report = evaluate_folder(experiment, options.model_dir, progress)
        print(report.summary())
    return 0
