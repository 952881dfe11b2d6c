"""What a run folder tells of its classes and of its family.  Standard library only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LABELS_FILE, METRICS_FILE = "labels.json", "metrics.json"


def read_labels(run_folder: str | Path) -> list[str] | None:
    """The names of the classes, in the order of the networks' outputs; None before the clips were read."""
    path = Path(run_folder) / LABELS_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def read_metrics(member: str | Path) -> dict[str, Any] | None:
    """What the metrics.json in a member's folder holds; None if the member is not written yet."""
    path = Path(member) / METRICS_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def read_members(run_folder: str | Path, family: str | Path = "family") -> dict[str, dict[str, Any]]:
    """Member name -> what its metrics.json holds, by name; members not trained yet are left out.

    family: a folder of the run's.
    """
    folders = sorted(path.parent for path in Path(run_folder, family).glob(f"*/{METRICS_FILE}"))
    return {folder.name: metrics for folder in folders if (metrics := read_metrics(folder)) is not None}
