"""What a file of weights holds, whoever wrote it: the one contract between its readers and `load_checkpoint`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from movinet.config.errors import InputError


class CheckpointError(InputError):
    """A checkpoint that cannot be read, or that holds another network than the model."""


@dataclass(frozen=True)
class NamedTensors:
    """The tensors of a file, and which of them are the weights of a network.

    keys: the file's key of each weight, by our path; those are paths of a `build_movinet` model, but bottlenecks are
        counted through: "bottleneck{i}/expansion/kernel".
    shapes: of the weights, by our path.  Kernels end in (filters in, filters out), or the other way round where one
        of them is one.
    left_over: the file's other keys.
    read: the values of weights by our paths, all at once, in the axes of `shapes`; CheckpointError for a broken file.
    """

    keys: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    left_over: frozenset[str]
    read: Callable[[Sequence[str]], list[np.ndarray]]

    @property
    def num_classes(self) -> int | None:
        """Of the classifier; None without one."""
        shape = self.shapes.get("classifier_head/classifier/bias")
        return shape[0] if shape else None


def weights_by_path(model: Any) -> dict[str, Any]:
    """The weights of a `build_movinet` model by the paths of `NamedTensors`, in the model's order."""
    bottlenecks = [layer.name for layer in model.layers if layer.name.startswith("block")]
    names = {name: f"bottleneck{index}" for index, name in enumerate(bottlenecks)}
    split = [(*weight.path.split("/", 1), weight) for weight in model.weights]
    return {f"{names.get(layer, layer)}/{rest}": weight for layer, rest, weight in split}


def check_published(model: Any) -> None:
    """Raises CheckpointError for a model that holds an operator which the published checkpoints have no names for."""
    for layer in model.layers:
        for operator, _ in layer.held() if hasattr(layer, "held") else ():
            if not operator.published:
                where = f"{model.name}: {layer.name}/{operator.name}"
                raise CheckpointError(f"{where} has no published name; allowed: .keras and .weights.h5 files")


def unreadable(path: Path, error: Exception) -> CheckpointError:
    lines = str(error).splitlines() or [type(error).__name__]
    return CheckpointError(f"{path} cannot be read: {lines[0]}")
