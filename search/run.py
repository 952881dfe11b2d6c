"""A whole search, and the training of a family: data, Ray, strategy, records; resumed where it was interrupted."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from movinet.config.file import plain
from movinet.machine.files import write_whole
from movinet.machine.lock import locked
from movinet.spec import ClipSpec, MovinetSpec
from results.members import read_metrics
from results.record import TrialRecord
from search.clips import clips_of, prepare
from search.engine.ray_cluster import ray_cluster, share_machine
from search.evaluators.evaluator import Given, Prepared
from search.evaluators.registry import EvaluatorChoice
from search.families import FAMILY
from search.folder import LABELS_FILE, open_run
from search.journal import Journal
from search.plan import Plan
from search.settings import Settings
from search.strategies.strategy import Task
from search.view.listener import Listener


def run_search(
    settings: Settings,
    run_folder: str | Path,
    listener: Listener | None = None,
    address: str | None = None,
    retry_failed: bool = False,
) -> list[TrialRecord]:
    """Runs the search, or the rest of it, and returns all records in the order of ending.

    A run folder that was interrupted is resumed; one with other settings is refused (ConfigError); a finished one is
    only read. address: an existing Ray cluster that sees the same files. retry_failed: trials on record as failed are
    tried again; what comes of it is recorded after them, and counts. Raises InputError for bad data or budgets and
    RuntimeError when several trials in a row fail; KeyboardInterrupt passes through, after which the same call goes on.
    """
    run_folder, listener = Path(run_folder), listener or Listener()
    with open_run(run_folder, settings):
        journal = Journal(run_folder)
        used = settings.search.limits.used(len(journal.records), journal.seconds, journal.epochs)
        if used >= 1 and not journal.paused and not (retry_failed and journal.failed):
            return journal.records
        space = settings.load_space()
        evaluator = settings.search.evaluator
        prepared = evaluator.prepare(_given(settings, clips_of(space), listener, run_folder))
        write_whole(run_folder / LABELS_FILE, json.dumps(prepared.classes, ensure_ascii=False))
        search = settings.search
        task = Task(
            space, settings.load_budget(), len(prepared.classes), search.reward, settings.train.epochs, search.costs
        )
        plan = Plan(task, settings.search, journal, retry_failed=retry_failed)
        plan.check()
        workers = share_machine(settings.resources, plan.remaining)
        listener.on_spent(journal.seconds)
        listener.on_run(settings.search.trials, workers.count, plan.ended_trials)
        with ray_cluster(workers, address):
            from search.engine.dispatch import SearchWatcher
            from search.engine.early_stopping import StoppingScheduler
            from search.engine.tuner import drop_checkpoint, run_jobs

            watcher = SearchWatcher(plan, settings, run_folder, listener, prepared.val_clips)
            run_jobs(
                watcher.next_job,
                lambda: plan.waits,
                _common_config(evaluator, prepared, settings.train.epochs, settings.search.time_limit_s),
                workers,
                run_folder,
                watcher,
                StoppingScheduler(plan.goes_on),
            )
        if watcher.broken:
            raise RuntimeError(f"{len(watcher.failures)} trials in a row failed, the last with: {watcher.broken}")
        for record in plan.end():
            drop_checkpoint(run_folder, record.trial)
            listener.on_record(record)
        return journal.records


def train_family(
    settings: Settings,
    run_folder: str | Path,
    members: Mapping[str, MovinetSpec],
    listener: Listener | None = None,
    address: str | None = None,
    folder: str | Path | None = None,
) -> dict[str, dict[str, Any]]:
    """Trains each member and writes <folder>/<member>/; returns member -> its metrics.json.

    folder: by default the run's family/.  Members are trained, whatever evaluated the candidates; the costliest first,
    so that the last to end is a short one.  Those written before, of the same network and as many epochs, are kept;
    interrupted ones go on from their last epoch, which is kept in the same folder, where their logs are, too. Raises
    RuntimeError, naming the reason, when one fails; the others are written.
    """
    run_folder, listener = Path(run_folder), listener or Listener()
    family = Path(folder or run_folder / FAMILY)
    folders = {name: family / name for name in members}
    epochs = settings.scaling.epochs or settings.train.epochs
    with locked(run_folder):
        listener.on_family(settings.scaling)
        missing = {}
        for name, spec in members.items():
            found = read_metrics(folders[name])
            if found and (found["spec_id"], found["epochs"]) == (spec.id, epochs):
                listener.on_member(name, found)
            else:
                missing[name] = spec
        if not missing:
            return {name: found for name in members if (found := read_metrics(folders[name]))}
        settings = replace(settings, train=replace(settings.train, epochs=epochs, horizon=None))
        evaluator = EvaluatorChoice.of("trained")
        prepared = evaluator.prepare(_given(settings, _clips(settings, missing), listener, run_folder))
        prepared = replace(prepared, config={**prepared.config, "keeps_best": True})
        common = _common_config(evaluator, prepared, epochs, None)
        workers = share_machine(settings.resources, len(missing))
        with ray_cluster(workers, address):
            from search.engine.dispatch import FamilyWatcher
            from search.engine.tuner import CHECKPOINTS, run_jobs

            watcher = FamilyWatcher(missing, settings, family, len(prepared.classes), listener)
            run_jobs(watcher.next_job, lambda: False, common, workers, family, watcher)
            if not watcher.failed:
                shutil.rmtree(family / CHECKPOINTS, ignore_errors=True)
        if watcher.failed:
            raise RuntimeError("; ".join(f"{name}: {reason}" for name, reason in watcher.failed.items()))
        return {name: found for name in members if (found := read_metrics(folders[name]))}


def _given(settings: Settings, clips: Sequence[ClipSpec], listener: Listener, run_folder: Path) -> Given:
    return Given(settings.data, settings.train, clips, partial(prepare, settings.data, clips, listener, run_folder))


def _common_config(
    evaluator: EvaluatorChoice, prepared: Prepared, epochs: int, time_limit_s: float | None
) -> dict[str, Any]:
    """What all jobs of a run have in common (`search.engine.trial.Trial`)."""
    return {
        "evaluator": plain(evaluator),
        "prepared": prepared.config,
        "epochs": epochs,
        "time_limit_s": time_limit_s,
        "path": [os.path.abspath(folder) for folder in sys.path],
    }


def _clips(settings: Settings, members: Mapping[str, MovinetSpec]) -> list[ClipSpec]:
    """Those of the space and of the members: often one cache serves both."""
    return [*clips_of(settings.load_space()), *(spec.clip for spec in members.values())]
