"""Checkpoints as the published ones are: Model Garden's own object graph, weights as in official_values."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from tests.support.official_values import official_value
from tests.support.paths import FIXTURES


def write_checkpoint(name: str, prefix: Path, beside: dict[str, np.ndarray] | None = None, count: int = 0) -> None:
    """Writes the network of fixtures/{name}.npz; beside: other variables that hang from the root, by their edge.

    count: the checkpoint's number, as Checkpoint.save() stores it; none with 0, as with Checkpoint.write().
    """
    graph = TrackableObjectGraph.FromString(gzip.decompress((FIXTURES / f"{name}.graph.gz").read_bytes()))
    shapes = dict(map(tuple, json.loads(str(np.load(FIXTURES / f"{name}.npz")["about"]))["variables"]))
    tensors: dict[str, Any] = {"_CHECKPOINTABLE_OBJECT_GRAPH": b""}  # the first in the file
    for attribute in (attribute for node in graph.nodes for attribute in node.attributes):
        if attribute.full_name in shapes:
            shape = tuple(shapes[attribute.full_name])
            tensors[attribute.checkpoint_key] = official_value(attribute.full_name, shape)
    if count:
        tensors["save_counter/.ATTRIBUTES/VARIABLE_VALUE"] = np.int64(count)
    for edge, value in (beside or {}).items():
        key = f"{edge}/.ATTRIBUTES/VARIABLE_VALUE"
        graph.nodes[0].children.add(node_id=len(graph.nodes), local_name=edge)
        graph.nodes.add().attributes.add(name="VARIABLE_VALUE", checkpoint_key=key)
        tensors[key] = value
    tensors["_CHECKPOINTABLE_OBJECT_GRAPH"] = graph.SerializeToString()
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )
