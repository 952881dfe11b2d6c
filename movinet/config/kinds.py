"""Which of the project's YAML files one is, so that a file in the wrong place is answered by where it belongs.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPACE, SEARCH, NETWORK, EXPERIMENT = "a space", "a search's config", "a network", "an experiment"
WHERE = {
    SPACE: "`run_search.py show {path}`, or `--set space={path}` beside another config",
    SEARCH: "`run_search.py --config {path}`, with --print-config for its settings and what its space costs",
    NETWORK: "`python -m movinet cost {path}`",
    EXPERIMENT: "`python -m movinet train --config {path}`",
}


def kind_of(data: Any) -> str | None:
    """What a file's data is, by the keys that no other kind has; None where they do not tell."""
    if not isinstance(data, Mapping):
        return None
    if isinstance(data.get("space"), Mapping) and data.keys() <= {"space", "budget"}:
        return SPACE
    names_or_trains = isinstance(data.get("space"), str) or ("space" in data and data.keys() & {"data", "train"})
    if names_or_trains or data.keys() & {"search", "scaling", "resources"}:
        return SEARCH
    if {"stem", "blocks"} <= data.keys():
        return NETWORK
    if data.keys() & {"base", "network", "weights", "train_clip", "evaluation", "run"}:
        return EXPERIMENT
    return None


def misplaced(path: str | Path, data: Any, *wanted: str) -> str | None:
    """What is wrong with a file that is clearly of another kind than those wanted, and where it belongs; else None."""
    kind = kind_of(data)
    if kind is None or kind in wanted:
        return None
    return f"{path}: {kind}, not {wanted[0]}; allowed: {WHERE[kind].format(path=path)}"
