"""The files of a model folder, whatever trained its network: an experiment, or a search for a member of its family.

config.yaml: the experiment that trains this network, a YAML file that `python -m movinet train` takes;  spec.yaml: the
network;  labels.json: the names of its outputs;  model.keras: its weights;  metrics.json: what these weights are worth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.machine.files import whole, write_whole
from movinet.spec import MovinetSpec, spec_to_yaml

if TYPE_CHECKING:
    from movinet.training.training import Training

CONFIG, SPEC, LABELS, MODEL, METRICS = "config.yaml", "spec.yaml", "labels.json", "model.keras", "metrics.json"


def write_description(folder: Path, config: str, spec: MovinetSpec, classes: Sequence[str]) -> None:
    """config.yaml, of the text `config`; spec.yaml; labels.json."""
    write_whole(folder / CONFIG, config)
    write_whole(folder / SPEC, spec_to_yaml(spec))
    write_whole(folder / LABELS, json.dumps(list(classes), ensure_ascii=False, indent=1))


def write_weights(folder: Path, training: Training) -> None:
    """model.keras: the weights that `training.evaluate` measures, which are the averaged ones if there are."""
    with training.optimizer.averaged(), whole(folder / MODEL) as draft:
        training.model.save(draft)


def write_metrics(folder: Path, metrics: Mapping[str, Any]) -> None:
    """metrics.json."""
    write_whole(folder / METRICS, json.dumps(metrics, indent=1))


def figures(measured: Mapping[str, Any]) -> dict[str, float]:
    """top1, top5 and, where clips have several classes, map: of the fields of a `Measurement`."""
    named = {"top1": "val_accuracy", "top5": "val_top5", "map": "val_map"}
    return {name: measured[key] for name, key in named.items() if measured[key] is not None}
