"""Any source of jobs as a searcher of Ray Tune: Tune asks, the source answers until it is empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from search.engine.job import Job


class JobSearcher(Searcher):
    """Keeps which of Tune's trials is which job; results go through `search.engine.tuner`, not through here."""

    def __init__(self, next_job: Callable[[], Job | None], waits: Callable[[], bool], common: dict[str, Any]):
        super().__init__(metric="score", mode="max")
        self.next_job, self.waits, self.common = next_job, waits, common
        self.jobs: dict[str, Job] = {}
        self.again: list[Job] = []

    def suggest(self, trial_id: str) -> Any:
        job = self.again.pop(0) if self.again else self.next_job()
        if job is None:
            return None if self.waits() else Searcher.FINISHED
        self.jobs[trial_id] = job
        return {**self.common, **job.config()}

    def hand_out_again(self) -> None:
        """Jobs that Tune was given, and that nobody has begun when it gives up."""
        self.again += self.jobs.values()
        self.jobs.clear()

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Nothing: the callback hears the same, with the trial's reason."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a run's own records rebuild its state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""
