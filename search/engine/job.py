"""What is handed to Ray, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from movinet.spec import MovinetSpec


@dataclass(frozen=True)
class Job:
    """One network to train: a search's trial (its number is the name) or a family member.

    cost: by the search's objective, in a record's unit.  checkpoint: a folder to go on from.  member: a folder to write
    the trained network to.
    """

    name: int | str
    spec: MovinetSpec
    cost: int
    seed: int
    checkpoint: str | None = None
    member: str | None = None

    def config(self) -> dict[str, Any]:
        """What travels to the worker (`search.trial.Trial`)."""
        return {**vars(self), "spec": self.spec.to_dict()}


@dataclass(frozen=True)
class Ending:
    """How a job ended: measurements as dicts, seconds in all and per part, and the reason if it failed."""

    measurements: list[dict[str, Any]]
    seconds: float
    times: dict[str, float]
    reason: str | None


class Watcher(Protocol):
    """Hears in the driver what happens to the jobs."""

    def started(self, job: Job, worker: int) -> None: ...

    def reported(self, job: Job, result: Mapping[str, Any]) -> None: ...

    def ended(self, job: Job, ending: Ending) -> bool:
        """Whether that was all. If not, the checkpoint is kept, since the same job goes on from it later."""
        ...
