"""Published weights into our networks and back, as TensorFlow's object checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras

from movinet.checkpoint_mismatch import mismatch
from movinet.object_graph import SAVE_COUNTER, object_graph, weight_keys

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
CLASSIFIER = "classifier_head/classifier/"


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or that holds another network than the model."""


@dataclass(frozen=True)
class LoadReport:
    """What `load_checkpoint` did.

    matched: paths of the model's weights that were set.  left_over: the checkpoint's keys that were not used, those of
    optimisers, moving averages and counters, and of a classifier that was not wanted.
    """

    matched: tuple[str, ...]
    left_over: tuple[str, ...]


def load_checkpoint(model: keras.Model, path: str | Path, head: Literal["keep", "new"] = "keep") -> LoadReport:
    """Sets the weights of a `build_movinet` model from a TensorFlow object checkpoint, Checkpoint(model=...).

    path: the folder, or the prefix ("folder/ckpt-1"); a SavedModel's folder too.  Whatever else there is (optimiser,
    moving averages, counters) is reported, not read.  head: "new" leaves the model's last dense layer as it is, for
    another number of classes.  Kernels of Conv3D and of Conv2D that compute the same (conv_type "3d_2plus1d" and
    "2plus1d") are taken for each other.

    Raises CheckpointError, before anything is set, with what is missing, left over or of another shape, and the likely
    cause.  Weights cannot tell whether 3-D convolutions were causal, nor what the activations were.
    """
    if head not in ("keep", "new"):
        raise ValueError(f"head={head!r} is not allowed; allowed: 'keep', 'new'")
    reader, keys = _open(Path(path))
    shapes = {key: tuple(shape) for key, shape in reader.get_variable_to_shape_map().items() if key != GRAPH}
    keys, weights = {name: key for name, key in keys.items() if key in shapes}, _by_path(model)
    if head == "new":
        weights = {name: weight for name, weight in weights.items() if not name.startswith(CLASSIFIER)}
        keys = {name: key for name, key in keys.items() if not name.startswith(CLASSIFIER)}
    wrong = mismatch(
        {name: shapes[key] for name, key in keys.items()},
        {name: tuple(weight.shape) for name, weight in weights.items()},
    )
    if wrong:
        raise CheckpointError(f"{path}: {wrong}")
    values = _tensors(Path(path), reader, [keys[name] for name in weights])
    for weight, value in zip(weights.values(), values, strict=True):
        weight.assign(value.reshape(weight.shape))
    return LoadReport(
        matched=tuple(weight.path for weight in weights.values()),
        left_over=tuple(sorted(shapes.keys() - {keys[name] for name in weights})),
    )


def save_checkpoint(model: keras.Model, prefix: str | Path) -> None:
    """Writes the weights of a `build_movinet` model as Model Garden's Checkpoint(model=MovinetClassifier(...)) would.

    prefix: what the files' names begin with, "folder/ckpt-1"; the folder is made.  Model Garden restores the checkpoint
    in a classifier of the same arguments, `assert_existing_objects_matched` included.
    """
    import tensorflow as tf

    weights = {name: weight.numpy() for name, weight in _by_path(model).items()}
    graph = object_graph(weights, conv2d=weights["stem/kernel"].ndim == 4)
    keys = weight_keys(graph)
    tensors: dict[str, Any] = {keys[name]: value.astype("float32") for name, value in weights.items()}
    tensors[f"{SAVE_COUNTER}/.ATTRIBUTES/VARIABLE_VALUE"] = tf.constant(1, tf.int64)
    tensors[GRAPH] = graph.SerializeToString()
    Path(prefix).parent.mkdir(parents=True, exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.convert_to_tensor(value) for value in tensors.values()],
    )


def _by_path(model: keras.Model) -> dict[str, Any]:
    """The model's weights by their paths, bottlenecks counted through as in `weight_keys`."""
    bottlenecks = [layer.name for layer in model.layers if layer.name.startswith("block")]
    names = {name: f"bottleneck{index}" for index, name in enumerate(bottlenecks)}
    split = [(*weight.path.split("/", 1), weight) for weight in model.weights]
    return {f"{names.get(layer, layer)}/{rest}": weight for layer, rest, weight in split}


def _open(path: Path) -> tuple[Any, dict[str, str]]:
    """A reader of the checkpoint's tensors, and the key of each weight."""
    import tensorflow as tf  # heavy, and of no use to other backends otherwise
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    prefix = _prefix(path)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
    except (tf.errors.OpError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not reader.has_tensor(GRAPH):
        raise CheckpointError(f"{path} has no object graph; a checkpoint of tf.train.Checkpoint(model=...) is needed")
    graph = TrackableObjectGraph()
    graph.ParseFromString(*_tensors(path, reader, [GRAPH]))
    try:
        keys = weight_keys(graph)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not keys:
        raise CheckpointError(f"{path} holds no MoViNet: nothing in it has a stem")
    return reader, keys


def _tensors(path: Path, reader: Any, keys: list[str]) -> list[Any]:
    """All of them at once, so that a file broken in its middle sets nothing."""
    import tensorflow as tf

    try:
        return [reader.get_tensor(key) for key in keys]
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path} cannot be read: {str(error).splitlines()[0]}")


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
