"""Hand out what is to be trained, and turn what became of it into records and members."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from movinet.cost import network_cost
from movinet.spec import MovinetSpec
from results.members import read_metrics
from search.engine.job import Ending, Job
from search.engine.tuner import latest_checkpoint
from search.plan import Assignment, Plan
from search.settings import Settings
from search.view.listener import Listener

BROKEN = 4  # trials that fail one after the other before a run counts as broken


class SearchWatcher:
    """Hands out the plan's assignments as jobs, and turns endings into records.

    broken: the last reason once `BROKEN` trials in a row have failed; nothing more is handed out then.
    """

    def __init__(
        self, plan: Plan, settings: Settings, run_folder: Path, listener: Listener, val_clips: int | None = None
    ):
        self.val_clips = val_clips
        self.plan, self.settings, self.run_folder, self.listener = plan, settings, run_folder, listener
        self.assigned: dict[int | str, Assignment] = {}
        self.failures: list[str] = []  # in a row

    @property
    def broken(self) -> str | None:
        return self.failures[-1] if len(self.failures) >= BROKEN else None

    def next_job(self) -> Job | None:
        assignment = None if self.broken else self.plan.next()
        if assignment is None:
            return None
        trial = assignment.trial
        self.assigned[trial] = assignment
        seed = self.settings.train.seed + trial
        cost = assignment.cost[self.settings.search.cost]
        return Job(trial, assignment.spec, cost, seed, latest_checkpoint(self.run_folder, trial))

    def started(self, job: Job, worker: int) -> None:
        self.listener.on_start(job.name, job.cost, worker)

    def reported(self, job: Job, result: Mapping[str, Any]) -> None:
        self.listener.on_epoch(job.name, result["measurements"][-1])

    def ended(self, job: Job, ending: Ending) -> bool:
        record = self.plan.record_of(
            self.assigned.pop(job.name),
            job.seed,
            ending.measurements,
            ending.seconds,
            ending.reason,
            times=ending.times,
            val_clips=self.val_clips,
        )
        self.failures = [*self.failures, ending.reason] if ending.reason else []
        is_over = self.plan.ended(record)
        (self.listener.on_record if is_over else self.listener.on_pause)(record)
        return is_over


class FamilyWatcher:
    """Hands out members, the one of most FLOPs first. folder: of the family, with its checkpoints."""

    def __init__(
        self,
        members: Mapping[str, MovinetSpec],
        settings: Settings,
        folder: Path,
        num_classes: int,
        listener: Listener,
    ):
        self.settings, self.folder, self.listener = settings, folder, listener
        self.costs = {name: network_cost(spec, num_classes=num_classes) for name, spec in members.items()}
        self.waiting = sorted(members.items(), key=lambda item: -self.costs[item[0]].flops)
        self.failed: dict[str, str] = {}

    def next_job(self) -> Job | None:
        if not self.waiting:
            return None
        name, spec = self.waiting.pop(0)
        checkpoint = latest_checkpoint(self.folder, name)
        member = str((self.folder / name).resolve())
        cost = getattr(self.costs[name], self.settings.search.cost)
        return Job(name, spec, cost, self.settings.train.seed, checkpoint, member)

    def started(self, job: Job, worker: int) -> None:
        self.listener.on_start(job.name, job.cost, worker)

    def reported(self, job: Job, result: Mapping[str, Any]) -> None:
        self.listener.on_epoch(job.name, result["measurements"][-1])

    def ended(self, job: Job, ending: Ending) -> bool:
        metrics = read_metrics(self.folder / str(job.name))
        if ending.reason or metrics is None:
            self.failed[str(job.name)] = ending.reason or "was not written"
        else:
            self.listener.on_member(str(job.name), metrics)
        return True
