"""A whole search, and the training of a family: data, Ray, strategy, records; resumed where it was interrupted."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.cost import network_cost
from movinet.data.cache import FrameCache
from movinet.spec import ClipSpec, MovinetSpec
from results.record import TrialRecord
from search.cluster import gpu_count, ray_cluster
from search.data import clips_of, prepare
from search.listener import Listener
from search.plan import Assignment, Plan
from search.resume import ASKED_FILE, Journal, locked
from search.settings import ResourceSettings, Settings, first_difference, load_settings, settings_to_yaml
from search.strategy import Task
from search.typed import ConfigError, show

if TYPE_CHECKING:
    from search.engine import Ending, Workers
    from search.ray_searcher import Job

CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
LABELS_FILE = "labels.json"


def run_search(
    settings: Settings, run_folder: str | Path, listener: Listener | None = None, address: str | None = None
) -> list[TrialRecord]:
    """Runs the search, or the rest of it, and returns all records in the order of ending.

    A run folder that was interrupted is resumed; one with other settings is refused (ConfigError); a finished one is
    only read. address: an existing Ray cluster that sees the same files. Raises ValueError for bad data or budgets;
    KeyboardInterrupt passes through, after which the same call goes on.
    """
    run_folder, listener = Path(run_folder), listener or Listener()
    with open_run(run_folder, settings):
        journal = Journal(run_folder)
        if len(journal.records) >= settings.search.trials:
            return journal.records
        space = settings.load_space()
        cache = prepare(settings.data, clips_of(space), listener)
        _write(run_folder / LABELS_FILE, json.dumps(cache.labels, ensure_ascii=False))
        plan = Plan(Task(space, settings.load_budget(), len(cache.labels)), settings.search, journal)
        plan.check()
        workers = share_machine(settings.resources, plan.remaining)
        listener.on_run(settings.search.trials, workers.count, list(journal.records))
        with ray_cluster(workers.count * workers.threads, _gpus(workers), address):
            from search.early_stopping import OctaveAsha
            from search.engine import run_jobs

            watcher = _SearchWatcher(plan, settings, run_folder, listener)
            stopping = settings.search.early_stopping
            scheduler = OctaveAsha(stopping, settings.train.epochs, journal.records)
            run_jobs(
                watcher.next_job,
                plan.remaining,
                common_config(settings, cache, settings.search.time_limit_s),
                workers,
                run_folder,
                watcher,
                scheduler if stopping.kind == "asha" else None,
            )
        return journal.records


def train_family(
    settings: Settings,
    run_folder: str | Path,
    members: Mapping[str, MovinetSpec],
    listener: Listener | None = None,
    address: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Trains each member and writes family/<member>/; returns member -> its metrics.json.

    The costliest first, so that the last to end is a short one. Members written before, of the same network and as many
    epochs, are kept; interrupted ones go on from their last epoch. Raises RuntimeError, naming the reason, when one
    fails; the others are written.
    """
    from search.member import read_metrics

    run_folder, listener = Path(run_folder), listener or Listener()
    folders = {name: run_folder / "family" / name for name in members}
    epochs = settings.scaling.epochs or settings.train.epochs
    with locked(run_folder):
        missing = {}
        for name, spec in members.items():
            found = read_metrics(folders[name])
            if found and (found["spec_id"], found["epochs"]) == (spec.id, epochs):
                listener.on_member(name, found)
            else:
                missing[name] = spec
        if not missing:
            return {name: found for name in members if (found := read_metrics(folders[name]))}
        settings = replace(settings, train=replace(settings.train, epochs=epochs))
        cache = prepare(settings.data, _clips(settings, missing), listener)
        workers = share_machine(settings.resources, len(missing))
        with ray_cluster(workers.count * workers.threads, _gpus(workers), address):
            from search.engine import run_jobs

            watcher = _FamilyWatcher(missing, settings, run_folder, len(cache.labels), listener)
            run_jobs(watcher.next_job, len(missing), common_config(settings, cache, None), workers, run_folder, watcher)
        if watcher.failed:
            raise RuntimeError("; ".join(f"{name}: {reason}" for name, reason in watcher.failed.items()))
        return {name: found for name in members if (found := read_metrics(folders[name]))}


@contextmanager
def open_run(run_folder: Path, settings: Settings) -> Iterator[None]:
    """Holds the run: creates its folder with config.yaml and environment.json, or checks that the config is the same.

    A run that has not tried anything takes the new settings. Raises ConfigError with the first one that differs.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    config = run_folder / CONFIG_FILE
    with locked(run_folder):
        if config.exists() and (run_folder / ASKED_FILE).exists():
            difference = first_difference(load_settings(config), settings)
            if difference:
                key, old, new = difference
                raise ConfigError(
                    f"{config}: {key}={show(old)}, but now {show(new)}; a run keeps its settings: allowed: "
                    "the same, or another --name"
                )
        else:
            _write(run_folder / ENVIRONMENT_FILE, json.dumps(environment(settings), indent=1))
            _write(config, settings_to_yaml(settings))
        yield


def environment(settings: Settings) -> dict[str, Any]:
    """What is needed to repeat a run, or to understand its times."""
    packages = ("movinet-search", "tensorflow", "tensorflow-cpu", "keras", "ray", "numpy", "av")
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # tensorflow or tensorflow-cpu
    machine = {"system": platform.platform(), "processor": platform.machine(), "cores": usable_cores()}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "machine": {**machine, "gpus": gpu_count()},
        "seed": settings.search.seed,
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def share_machine(resources: ResourceSettings, jobs: int) -> Workers:
    """How many workers, with what each; never more than there are jobs."""
    from search.engine import Workers

    gpus, threads = gpu_count(), resources.threads_per_worker
    fraction = (1.0 if gpus else 0.0) if resources.gpu_fraction == "auto" else resources.gpu_fraction
    by_cores = max(1, usable_cores() // threads)
    by_gpus = int(gpus / fraction) if fraction else by_cores
    count = max(1, min(by_cores, by_gpus)) if resources.workers == "auto" else resources.workers
    return Workers(min(count, max(1, jobs)), threads, fraction)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def common_config(settings: Settings, cache: FrameCache, time_limit_s: float | None) -> dict[str, Any]:
    """What all jobs of a run have in common."""
    return {"train": asdict(settings.train), "cache": str(cache.folder.resolve()), "time_limit_s": time_limit_s}


class _SearchWatcher:
    """Hands out the plan's assignments as jobs, and turns endings into records."""

    def __init__(self, plan: Plan, settings: Settings, run_folder: Path, listener: Listener):
        self.plan, self.settings, self.run_folder, self.listener = plan, settings, run_folder, listener
        self.assigned: dict[int | str, Assignment] = {}

    def next_job(self) -> Job | None:
        from search.engine import latest_checkpoint
        from search.ray_searcher import Job

        assignment = self.plan.next()
        if assignment is None:
            return None
        trial = assignment.trial
        self.assigned[trial] = assignment
        seed = self.settings.train.seed + trial
        flops = network_cost(assignment.spec, num_classes=self.plan.task.num_classes).flops
        return Job(trial, assignment.spec, flops, seed, latest_checkpoint(self.run_folder, trial))

    def started(self, job: Job, worker: int) -> None:
        self.listener.on_start(job.name, job.flops, worker)

    def reported(self, job: Job, result: Mapping[str, Any]) -> None:
        self.listener.on_epoch(job.name, result["measurements"][-1])

    def ended(self, job: Job, ending: Ending) -> None:
        record = self.record(job, ending)
        self.plan.record(record)
        self.listener.on_record(record)

    def record(self, job: Job, ending: Ending) -> TrialRecord:
        asked = self.assigned.pop(job.name).asked
        measurements = list(ending.measurements)
        is_whole = len(measurements) >= self.settings.train.epochs
        return TrialRecord(
            trial=asked.trial,
            candidate=asked.candidate,
            spec=job.spec.to_dict(),
            spec_id=job.spec.id,
            cost=asdict(network_cost(job.spec, num_classes=self.plan.task.num_classes)),
            measurements=measurements,
            accuracy=max((each["val_accuracy"] for each in measurements), default=None),
            status="failed" if ending.reason else "finished" if is_whole else "stopped",
            reason=ending.reason,
            seed=job.seed,
            seconds=ending.seconds,
            times=dict(ending.times),
            rejected=asked.rejected,
        )


class _FamilyWatcher:
    """Hands out members, the costliest first."""

    def __init__(
        self,
        members: Mapping[str, MovinetSpec],
        settings: Settings,
        run_folder: Path,
        num_classes: int,
        listener: Listener,
    ):
        self.settings, self.run_folder, self.listener = settings, run_folder, listener
        self.flops = {name: network_cost(spec, num_classes=num_classes).flops for name, spec in members.items()}
        self.waiting = sorted(members.items(), key=lambda item: -self.flops[item[0]])
        self.failed: dict[str, str] = {}

    def next_job(self) -> Job | None:
        from search.engine import latest_checkpoint
        from search.ray_searcher import Job

        if not self.waiting:
            return None
        name, spec = self.waiting.pop(0)
        checkpoint = latest_checkpoint(self.run_folder, name)
        member = str((self.run_folder / "family" / name).resolve())
        return Job(name, spec, self.flops[name], self.settings.train.seed, checkpoint, member)

    def started(self, job: Job, worker: int) -> None:
        self.listener.on_start(job.name, job.flops, worker)

    def reported(self, job: Job, result: Mapping[str, Any]) -> None:
        self.listener.on_epoch(job.name, result["measurements"][-1])

    def ended(self, job: Job, ending: Ending) -> None:
        from search.member import read_metrics

        metrics = read_metrics(self.run_folder / "family" / str(job.name))
        if ending.reason or metrics is None:
            self.failed[str(job.name)] = ending.reason or "was not written"
        else:
            self.listener.on_member(str(job.name), metrics)


def _clips(settings: Settings, members: Mapping[str, MovinetSpec]) -> list[ClipSpec]:
    """Those of the space and of the members: often one cache serves both."""
    return [*clips_of(settings.load_space()), *(spec.clip for spec in members.values())]


def _gpus(workers: Workers) -> float:
    return gpu_count() if workers.gpu_fraction else 0


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
