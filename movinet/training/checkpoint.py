"""The file a training goes on from: arrays and a little JSON in one .npz, whole or not at all."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from movinet.config.errors import InputError
from movinet.machine.files import whole
from movinet.training.settings import TrainSettings

CHECKPOINT = "training.npz"


class TrainingStateError(InputError):
    """A checkpoint is missing, damaged, or of another network or schedule."""


def write_checkpoint(path: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    """state: plain data, among it the training's settings."""
    content: dict[str, Any] = {**arrays, "state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
    with whole(path) as draft, draft.open("wb") as file:
        np.savez(file, **content)


def read_checkpoint(
    path: Path, shapes: Mapping[str, tuple[int, ...]], settings: TrainSettings
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the state. Raises TrainingStateError unless shapes and settings are these."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        state = json.loads(arrays.pop("state").tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TrainingStateError(f"{path}: no readable checkpoint ({error})") from error
    defaults, mine = (json.loads(json.dumps(asdict(each))) for each in (TrainSettings(), settings))
    theirs = {**defaults, **state["settings"]}
    for name in mine:
        if theirs[name] != mine[name]:
            raise TrainingStateError(f"{path}: written with train.{name}={theirs[name]}, not {mine[name]}")
    found = {name: array.shape for name, array in arrays.items()}
    if found != dict(shapes):
        raise TrainingStateError(f"{path}: of another network: {len(found)} arrays, here {len(shapes)}")
    return arrays, state
