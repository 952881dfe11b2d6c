"""Runs jobs on Ray Tune, several at a time, and turns Tune's callbacks into three plain events."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.exceptions import OutOfMemoryError
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search.engine.job import Ending, Job, Watcher
from search.engine.ray_cluster import Workers
from search.engine.searcher import JobSearcher
from search.engine.trial import Trial

CHECKPOINTS = "checkpoints"


def run_jobs(
    next_job: Callable[[], Job | None],
    waits: Callable[[], bool],
    common: dict[str, Any],
    workers: Workers,
    run_folder: Path,
    watcher: Watcher,
    scheduler: TrialScheduler | None = None,
) -> None:
    """Runs jobs until `next_job` has no more; Ray must be up. Returns when all have ended.

    waits: whether it may have another once one of those that run has ended, where it has none at the moment.
    common: the part of every job's config that is the same. Checkpoints of unfinished jobs stay in the run folder.
    """
    logs = str(run_folder.resolve() / "logs")
    common = {**common, "threads": workers.threads, "gpu_fraction": workers.gpu_fraction, "logs": logs}
    searcher = JobSearcher(next_job, waits, common)
    events = _Events(searcher, watcher, run_folder.resolve(), workers.count)
    storage = run_folder.resolve() / "ray"
    while True:
        try:
            _tuner(searcher, scheduler, events, workers.count, storage).fit()
            break
        except RuntimeError as error:  # Tune knows workers that died, but gives up at one that Ray ended in good time
            if not isinstance(error.__cause__, OutOfMemoryError):
                raise
            events.lost(f"worker lost: {_in_short(str(error.__cause__))}")
    shutil.rmtree(storage, ignore_errors=True)


def _tuner(
    searcher: JobSearcher, scheduler: TrialScheduler | None, events: _Events, workers: int, storage: Path
) -> tune.Tuner:
    return tune.Tuner(
        Trial,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler or FIFOScheduler(),
            num_samples=-1,
            max_concurrent_trials=workers,
            reuse_actors=True,
            trial_name_creator=lambda trial: f"trial-{trial.config['name']}",
            trial_dirname_creator=lambda trial: f"trial-{trial.config['name']}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(storage),
            verbose=0,
            callbacks=[events],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=0),
        ),
    )


def latest_checkpoint(run_folder: Path, name: int | str) -> str | None:
    """The folder that an interrupted job can go on from."""
    folder = run_folder.resolve() / CHECKPOINTS / str(name)
    epochs = sorted(int(path.name) for path in folder.iterdir()) if folder.is_dir() else []
    return str(folder / str(epochs[-1])) if epochs else None


def drop_checkpoint(run_folder: Path, name: int | str) -> None:
    """Of a job that has ended for good."""
    shutil.rmtree(run_folder.resolve() / CHECKPOINTS / str(name), ignore_errors=True)


class _Events(tune.Callback):
    def __init__(self, searcher: JobSearcher, watcher: Watcher, run_folder: Path, workers: int):
        self.searcher, self.watcher, self.run_folder = searcher, watcher, run_folder
        self.free = list(range(workers))
        self.running: dict[str, tuple[Any, float, int]] = {}  # Tune's trial, since when, and in which place

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        place = self.free.pop(0) if self.free else 0
        self.running[trial.trial_id] = trial, time.monotonic(), place
        self.watcher.started(self.searcher.jobs[trial.trial_id], place)

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        if result.get("reason") is None:
            self.watcher.reported(self.searcher.jobs[trial.trial_id], result)

    def on_checkpoint(self, iteration: int, trials: list, trial: Any, checkpoint: Any, **info: Any) -> None:
        """Moves it out of Ray's folder at one stroke, so that what lies there is whole, and drops older ones."""
        kept = self.run_folder / CHECKPOINTS / str(self.searcher.jobs[trial.trial_id].name)
        kept.mkdir(parents=True, exist_ok=True)
        older = list(kept.iterdir())
        Path(checkpoint.path).rename(kept / str(trial.last_result["epoch"]))
        for folder in older:
            shutil.rmtree(folder, ignore_errors=True)

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._ended(trial, (trial.last_result or {}).get("reason"))

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._ended(trial, f"worker lost: {_what_happened(trial)}")

    def lost(self, reason: str) -> None:
        """All that ran are over for this reason; what waits for a worker is run later."""
        for trial, *_ in list(self.running.values()):
            self._ended(trial, reason)
        self.searcher.hand_out_again()

    def _ended(self, trial: Any, reason: str | None) -> None:
        began = time.monotonic()
        if trial.trial_id in self.running:
            _, began, place = self.running.pop(trial.trial_id)
            self.free = sorted([*self.free, place])
        job, result = self.searcher.jobs.pop(trial.trial_id), trial.last_result or {}
        seconds = result.get("seconds", time.monotonic() - began)
        ending = Ending(result.get("measurements", []), seconds, result.get("times", {}), reason)
        if self.watcher.ended(job, ending):
            drop_checkpoint(self.run_folder, job.name)
        trial.run_metadata.metric_analysis.clear()  # Tune keeps all trials, and running means of all their numbers
        trial.run_metadata.metric_n_steps.clear()


def _what_happened(trial: Any) -> str:
    """What Ray's error file tells."""
    path = Path(trial.error_file) if trial.error_file else None
    return _in_short(path.read_text(encoding="utf-8", errors="replace") if path and path.is_file() else "")


def _in_short(text: str) -> str:
    """Why Ray lost a worker, in one line without colours, ids and guesses."""
    if used := re.search(r"was (\S+) used / (\S+) limit", text):  # of a message of thousands of letters
        return f"out of memory: {used[1]} of {used[2]} were in use"
    text = re.sub(r"\x1b\[\d+m|^Failure #.*$|^ray::.*$|^\s+.*$", "", text, flags=re.MULTILINE)
    return " ".join(text.split()).partition(" Some common causes")[0][:400] or "no reason given"
