"""A search small enough for tests: real clips, real Ray, real training, on networks of two layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from movinet.spec import MovinetSpec
from space.load import load_space

SPACE = {
    "clip": {"frames": [2, 4], "frames_per_second": 4, "resolution": [16, 24]},
    "stem": {"filters": 8},
    "block2": {
        "stride": 2,
        "base_filters": [8, 16],
        "layers": [1, 2],
        "expand_ratio": [1, 2],
        "kernel": [[1, 3, 3], [3, 3, 3]],
    },
    "head": {"project_filters": [16, 24], "head_filters": 16},
}
SHAPES = {"train_clips": 3, "val_clips": 1, "resolution": 32, "frames_per_second": 8, "seconds": 1}


def write_config(folder: Path, data: Path, **changes: dict[str, Any]) -> Path:
    """A config of 3 trials of 2 epochs on 24 clips; `changes` are merged into its sections."""
    config: dict[str, Any] = {
        "space": SPACE,
        "data": {"moving_shapes": SHAPES, "folder": str(data)},
        "train": {"epochs": 2, "batch_size": 8},
        "search": {"strategy": "random", "trials": 3, "early_stopping": {"kind": "none"}},
        "resources": {"workers": 2},
    }
    for section, values in changes.items():
        config[section] = {**config.get(section, {}), **values}
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _network(**changes: Any) -> MovinetSpec:
    values = {
        "clip.frames": 2,
        "clip.resolution": 16,
        "block2.base_filters": 8,
        "block2.layers": 1,
        "block2.expand_ratio": 1,
        "block2.kernel": [1, 3, 3],
        "head.project_filters": 16,
    }
    return load_space({"space": SPACE}).candidate(values | changes).spec()


SMALLEST = _network()
WIDER = _network(**{"block2.base_filters": 16})
