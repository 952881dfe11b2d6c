"""The weights in Keras' own files, .keras and .weights.h5, by name: read without running anything in them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from movinet.operators import OPERATORS
from movinet.weights.tensors import CheckpointError, NamedTensors, unreadable

# Keras names what it saves by class (a model's layers) and by attribute (a layer's own), and numbers variables.
LAYERS = {"conv_block": "stem", "bottleneck": "bottleneck", "head": "head", "classifier_head": "classifier_head"}
PARTS = {
    **{part: part for part in ("expansion", "feature", "projection", "project", "head", "classifier")},
    "skip": "skip_project",
}
HELD = {operator.field: operator for operator in OPERATORS}
NORMS = {"norms/batch_norm": "bn", "norms/batch_norm_1": "bn_temporal"}
STATISTICS = ("gamma", "beta", "moving_mean", "moving_variance")
_KEY = re.compile(
    rf"layers/(?P<layer>{'|'.join(LAYERS)})(?:_(?P<index>\d+))?/(?:(?P<part>{'|'.join(PARTS)})/)?"
    rf"(?:(?P<held>{'|'.join(HELD)})/(?:(?P<inner>(?!vars/)\w+)/)?)?"
    rf"(?:(?P<norm>{'|'.join(NORMS)})/)?vars/(?P<variable>\d)"
)


def read_keras_file(path: Path) -> NamedTensors:
    """What a .keras or .weights.h5 file of a `build_movinet` model holds. Raises CheckpointError."""
    import h5py

    def visit(read):
        try:
            with h5py.File(_h5(path), "r") as file:
                return read(file)
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
            raise unreadable(path, error) from error

    def shapes_of(file):
        found = {}
        file.visititems(lambda key, item: found.update({key: item.shape}) if isinstance(item, h5py.Dataset) else None)
        return found

    def read(names: Sequence[str]) -> list[np.ndarray]:
        return visit(lambda file: [np.asarray(file[keys[name]]) for name in names])

    shapes = visit(shapes_of)
    keys = {name: key for key, shape in shapes.items() if (name := _path(key, shape))}
    if "stem/kernel" not in keys:
        raise CheckpointError(f"{path} holds no MoViNet: it has no layer of the class ConvBlock")
    return NamedTensors(
        keys,
        {name: shapes[key] for name, key in keys.items()},
        frozenset(shapes.keys() - keys.values()),
        read,
    )


def _h5(path: Path):
    """The HDF5 file that holds the weights: within a .keras file, or the file itself."""
    if path.suffix != ".keras":
        return path
    with zipfile.ZipFile(path) as archive:
        return BytesIO(archive.read("model.weights.h5"))


def _path(key: str, shape: tuple[int, ...]) -> str | None:
    """Our path of what Keras keeps under `key`; None for what is no weight (seeds, an optimiser's variables)."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    layer = LAYERS[found["layer"]] + (found["index"] or "0") * (found["layer"] == "bottleneck")
    part = PARTS.get(found["part"])
    if found["held"]:
        operator, inner = HELD[found["held"]], found["inner"]
        part = "/".join(filter(None, (operator.name, operator.attributes.get(inner, inner))))
    variable = int(found["variable"])
    if found["norm"]:
        leaf = f"{NORMS[found['norm']]}/{STATISTICS[variable]}"
    elif not shape:
        leaf = "scale"
    elif len(shape) == 1:
        leaf = "bias"
    else:
        leaf = ("kernel", "temporal_kernel")[variable]
    return "/".join(filter(None, (layer, part, leaf)))
