"""Trains with several processes that each have a device: on this machine, or by Ray Train on those of a cluster.

They share the model folder and the clips, under the same paths everywhere.  When one of them is lost all are started
anew and go on from the last checkpoint, `RESTARTS` times at most.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from movinet.experiment.folder import LOG
from movinet.experiment.settings import Experiment, RunSettings, experiment_to_yaml, load_experiment
from movinet.training.model_folder import METRICS

RESTARTS = 2
LOOPBACK = "127.0.0.1"


class WorkersFailed(RuntimeError):
    """Workers were lost again and again, or one gave up.

    code: for the command to exit with.  The text is one line, or empty where the worker itself said why.
    """

    def __init__(self, text: str, code: int = 1):
        super().__init__(text)
        self.code = code


def train_with_workers(experiment: Experiment, folder: str | Path) -> dict[str, Any]:
    """What metrics.json holds after a training by `run.workers` processes. Raises WorkersFailed, InputError."""
    folder = Path(folder).absolute()
    task = {"experiment": experiment_to_yaml(experiment), "folder": str(folder)}
    (_on_cluster if experiment.run.address else _on_this_machine)(task, experiment.run)
    return json.loads((folder / METRICS).read_text(encoding="utf-8"))


def work(task: dict[str, str]) -> None:
    """One worker's training; TF_CONFIG says which one it is."""
    from movinet.experiment.progress import Silence, TrainingProgress
    from movinet.experiment.session import train
    from movinet.machine.devices import prepare_tensorflow

    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "experiment.yaml")
        path.write_text(task["experiment"], encoding="utf-8")
        experiment, _ = load_experiment(path)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    prepare_tensorflow(experiment.run.threads, deterministic=experiment.run.deterministic)
    from movinet.training.team import Team

    team = Team()
    train(experiment, task["folder"], Silence() if team.rank else TrainingProgress(), team)


def _on_this_machine(task: dict[str, str], run: RunSettings) -> None:
    for restarts in range(RESTARTS + 1):
        lost = _attempt(task, run.workers)
        if lost is None:
            return
        rank, code = lost
        if code in (1, 2):  # it said why
            raise WorkersFailed("", code)
        text = f"worker {rank} of {run.workers} was lost (exit code {code})"
        if restarts < RESTARTS:
            print(f"{text}: all go on from the last checkpoint", file=sys.stderr, flush=True)
    raise WorkersFailed(f"{text}, {RESTARTS + 1} times; the same command goes on from the last checkpoint")


def _attempt(task: dict[str, str], count: int) -> tuple[int, int] | None:
    """Runs the workers to their end; the first one that failed, and its exit code."""
    with ExitStack() as held:  # all at a time, so that they are different ones
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        addresses = [f"{LOOPBACK}:{each.getsockname()[1]}" for each in sockets]
    context = multiprocessing.get_context("spawn")
    finish = context.Barrier(count)
    processes = [context.Process(target=_worker, args=(task, addresses, rank, finish)) for rank in range(count)]
    for process in processes:
        process.start()
    try:
        while True:
            codes = [process.exitcode for process in processes]
            failed = [(rank, code) for rank, code in enumerate(codes) if code]
            if failed:
                return failed[0]
            if all(code == 0 for code in codes):
                return None
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _worker(task: dict[str, str], addresses: list[str], rank: int, finish: Barrier) -> None:
    """The body of a process of this machine; none ends before all have, since others may still read its last answer."""
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends all
    code = 0
    try:
        work(task)
        finish.wait()
    except ValueError as error:
        code = 2
        print(f"error: {error}", file=sys.stderr)
    except ArithmeticError as error:
        code = 1
        print(f"error: training diverged: {error}; a lower train.learning_rate may help", file=sys.stderr)
    sys.stderr.flush()
    os._exit(code)  # TensorFlow's server waits for its peers otherwise


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)  # it was killed, and somebody may start the same training again


def _on_cluster(task: dict[str, str], run: RunSettings) -> None:
    from movinet.machine.cluster import machines
    from movinet.machine.quiet import native_stderr_closed

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with machines(str(run.address)), tempfile.TemporaryDirectory() as storage:
        with native_stderr_closed():
            import ray
            from ray.train import FailureConfig, RunConfig, ScalingConfig
            from ray.train.tensorflow import TensorflowTrainer

        trainer = TensorflowTrainer(
            work,
            train_loop_config=task,
            scaling_config=ScalingConfig(
                num_workers=run.workers, use_gpu=ray.cluster_resources().get("GPU", 0) >= run.workers
            ),
            run_config=RunConfig(storage_path=storage, failure_config=FailureConfig(max_failures=RESTARTS)),
        )
        ended = threading.Event()
        teller = threading.Thread(target=_tell_epochs, args=(Path(task["folder"], LOG), ended))
        teller.start()
        try:
            trainer.fit()
        except Exception as error:
            reason = " ".join(str(error).split())[-300:]
            raise WorkersFailed(
                f"Ray Train gave up: {reason}; the same command goes on from the last checkpoint"
            ) from error
        finally:
            ended.set()
            teller.join()


def _tell_epochs(log: Path, ended: threading.Event) -> None:
    """A line for each new row of log.csv: what the workers say stays in Ray's logs."""
    told = len(_rows(log))
    last = False
    while not last:
        last = ended.wait(1.0)
        for row in _rows(log)[told:]:
            told += 1
            figures = f"loss {float(row['loss']):.3f}; validation loss {float(row['val_loss']):.3f}"
            text = f"epoch {row['epoch']}: {figures}, top-1 {float(row['val_accuracy']):.1%}"
            print(text, file=sys.stderr, flush=True)


def _rows(log: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(log.read_text(encoding="utf-8").splitlines())) if log.exists() else []
