"""TensorFlow's object checkpoints, as the published weights come: Checkpoint(model=...), SavedModels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from movinet.weights.tensorflow_graph import SAVE_COUNTER, object_graph, weight_keys
from movinet.weights.tensors import CheckpointError, NamedTensors, unreadable

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def read_object_checkpoint(path: Path) -> NamedTensors:
    """What the checkpoint of a folder, a prefix or a SavedModel's folder holds. Raises CheckpointError."""
    import tensorflow as tf  # heavy, and of no use to other backends otherwise
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    prefix = _prefix(path)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
    except (tf.errors.OpError, ValueError) as error:
        raise unreadable(path, error) from error
    if not reader.has_tensor(GRAPH):
        raise CheckpointError(f"{path} has no object graph; a checkpoint of tf.train.Checkpoint(model=...) is needed")
    graph = TrackableObjectGraph()
    graph.ParseFromString(*_tensors(path, reader, [GRAPH]))
    try:
        keys = weight_keys(graph)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not keys:
        raise CheckpointError(f"{path} holds no MoViNet: nothing in it has a stem")
    shapes = {key: tuple(shape) for key, shape in reader.get_variable_to_shape_map().items() if key != GRAPH}
    keys = {name: key for name, key in keys.items() if key in shapes}
    return NamedTensors(
        keys,
        {name: shapes[key] for name, key in keys.items()},
        frozenset(shapes.keys() - keys.values()),
        lambda names: _tensors(path, reader, [keys[name] for name in names]),
    )


def write_object_checkpoint(weights: Mapping[str, np.ndarray], prefix: Path) -> None:
    """Writes weights by their paths (`weights_by_path`), as Checkpoint(model=MovinetClassifier(...)) would."""
    import tensorflow as tf

    graph = object_graph(weights, conv2d=weights["stem/kernel"].ndim == 4)
    keys = weight_keys(graph)
    tensors: dict[str, Any] = {keys[name]: value.astype("float32") for name, value in weights.items()}
    tensors[f"{SAVE_COUNTER}/.ATTRIBUTES/VARIABLE_VALUE"] = tf.constant(1, tf.int64)
    tensors[GRAPH] = graph.SerializeToString()
    prefix.parent.mkdir(parents=True, exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.convert_to_tensor(value) for value in tensors.values()],
    )


def _tensors(path: Path, reader: Any, keys: list[str]) -> list[Any]:
    """All of them at once, so that a file broken in its middle sets nothing."""
    import tensorflow as tf

    try:
        return [reader.get_tensor(key) for key in keys]
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise unreadable(path, error) from error


def _prefix(path: Path) -> Path:
    """What the names of the checkpoint's files begin with; in a folder with several, the newest's."""
    if path.suffix == ".index":
        return path.with_suffix("")
    if not path.is_dir():
        return path
    folder = path / "variables" if (path / "saved_model.pb").exists() else path
    newest = max(folder.glob("*.index"), key=lambda index: index.stat().st_mtime, default=None)
    if newest is None:
        raise CheckpointError(f"{path} holds no checkpoint (no file *.index)")
    return newest.with_suffix("")
