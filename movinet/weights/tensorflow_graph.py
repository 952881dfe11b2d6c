"""Where TensorFlow's object checkpoints of the published networks keep each weight.

Such a checkpoint stores a graph of objects beside the tensors: nodes with named edges to what they own.  The layers of
a network are told by what they own, and stand in the order of their model's edges "layer_with_weights-{i}"; so it does
not matter what the model itself hangs from (a Checkpoint, a trainer's state, a SavedModel).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from movinet.weights.tensors import CheckpointError

SAVE_COUNTER, VALUE = "save_counter", "VARIABLE_VALUE"
LAYER = "layer_with_weights-"
BACKBONE = f"{LAYER}0"  # of a classifier

CONVOLUTIONS = {  # a layer: {its convolution, as our paths call it: the edges that lead there}
    "stem": {"": "_stem/"},
    "bottleneck": {
        "expansion/": "_expansion/",
        "feature/": "_feature/",
        "se/se_reduce/": "_attention/_se_reduce/",
        "se/se_expand/": "_attention/_se_expand/",
        "projection/": "_projection/",
        "skip_project/": "_skip/_projection/",
    },
    "head": {"project/": "_project/"},
    "classifier_head": {"head/": "_head/", "classifier/": "_classifier/"},
}
SCALARS = {
    "bottleneck": {
        "scale": "_mobile_bottleneck/_rezero/scale",
        "se/position/scale": "_attention/_pos_encoding/_rezero/scale",
    }
}
# Conv3D are the blocks' own; Conv2D (conv_type "2plus1d") lie in a layer around them.
LEAVES = {
    "kernel": ("_conv/kernel", "_conv/_conv/kernel", "_conv/_conv/depthwise_kernel"),
    "temporal_kernel": (
        "_conv_temporal/kernel",
        "_conv_temporal/_conv/kernel",
        "_conv_temporal/_conv/depthwise_kernel",
    ),
    "bias": ("_conv/bias", "_conv/_conv/bias"),
    **{
        f"{ours}/{leaf}": (f"{theirs}/{leaf}",)
        for ours, theirs in (("bn", "_batch_norm"), ("bn_temporal", "_batch_norm_temporal"))
        for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
    },
}
OBJECTS = {  # a layer: {a weight, as our paths call it: the edges that may lead there}
    kind: {
        **{
            ours + leaf: tuple(theirs + route for route in routes)
            for ours, theirs in convolutions.items()
            for leaf, routes in LEAVES.items()
        },
        **{ours: (route,) for ours, route in SCALARS.get(kind, {}).items()},
    }
    for kind, convolutions in CONVOLUTIONS.items()
}
OWNED = {  # what tells a layer from others
    "stem": {"_stem"},
    "bottleneck": {"_expansion", "_feature", "_mobile_bottleneck"},
    "head": {"_project"},
    "classifier_head": {"_head", "_classifier"},
}


def weight_keys(graph: Any) -> dict[str, str]:
    """The checkpoint's key of each weight of the network in a TrackableObjectGraph, by our path; {} if it holds none.

    Paths are those of a `build_movinet` model, but bottlenecks are counted through: "bottleneck{i}/expansion/kernel".
    CheckpointError if it holds several networks.
    """
    edges = [{child.local_name: child.node_id for child in node.children} for node in graph.nodes]
    kinds = [next((kind for kind, owned in OWNED.items() if owned <= node.keys()), None) for node in edges]
    if kinds.count("stem") > 1 or kinds.count("classifier_head") > 1:
        raise CheckpointError(f"it holds {max(kinds.count('stem'), kinds.count('classifier_head'))} networks")
    layers = _in_order(edges, kinds) + [i for i, kind in enumerate(kinds) if kind == "classifier_head"]
    keys, bottlenecks = {}, 0
    for node in layers:
        kind = str(kinds[node])
        name = f"bottleneck{bottlenecks}" if kind == "bottleneck" else kind
        bottlenecks += kind == "bottleneck"
        for ours, routes in OBJECTS[kind].items():
            ends = [end for end in (_follow(edges, node, route) for route in routes) if end is not None]
            keys.update({f"{name}/{ours}": _key(graph.nodes[end]) for end in ends})
    return keys


def object_graph(paths: Iterable[str], conv2d: bool) -> Any:
    """The TrackableObjectGraph of a published classifier, Checkpoint(model=...), that owns the weights of `paths`.

    paths: as `weight_keys` gives them, in the model's order; conv2d: whether convolutions are Conv2D ("2plus1d").
    """
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    graph = TrackableObjectGraph()
    graph.nodes.add()
    for route in [f"model/{route}" for route in weight_routes(paths, conv2d).values()] + [SAVE_COUNTER]:
        node = graph.nodes[0]
        for edge in route.split("/"):
            node = _child(graph, node, edge)
        node.attributes.add(name=VALUE, checkpoint_key=f"{route}/.ATTRIBUTES/{VALUE}")
    return graph


def weight_routes(paths: Iterable[str], conv2d: bool) -> dict[str, str]:
    """The edges from a published classifier to each weight of `paths`; arguments as for `object_graph`."""
    split = [path.split("/", 1) for path in paths]
    backbone = [layer for layer in dict.fromkeys(layer for layer, _ in split) if layer != "classifier_head"]
    starts = {layer: f"{BACKBONE}/{LAYER}{i}" for i, layer in enumerate(backbone)}
    starts["classifier_head"] = f"{LAYER}1"
    return {f"{layer}/{rest}": f"{starts[layer]}/{_route(layer, rest, conv2d)}" for layer, rest in split}


def _route(layer: str, rest: str, conv2d: bool) -> str:
    """The edges from a layer to its weight."""
    routes = OBJECTS[layer.rstrip("0123456789")][rest]
    if len(routes) == 1 or not conv2d:
        return routes[0]
    return routes[2] if rest.startswith("feature/") else routes[1]


def _child(graph: Any, node: Any, edge: str) -> Any:
    """What the edge leads to; a new node if there is none yet."""
    for child in node.children:
        if child.local_name == edge:
            return graph.nodes[child.node_id]
    node.children.add(node_id=len(graph.nodes), local_name=edge)
    return graph.nodes.add()


def _in_order(edges: list[dict[str, int]], kinds: list[str | None]) -> list[int]:
    """The layers of the backbone, the first node that has the stem among its layers."""
    for node in edges:
        inner = [node[name] for name in (f"{LAYER}{i}" for i in range(len(node))) if name in node]
        if any(kinds[i] == "stem" for i in inner):
            return [i for i in inner if kinds[i]]
    return []


def _follow(edges: list[dict[str, int]], node: int, route: str) -> int | None:
    for edge in route.split("/"):
        if edge not in edges[node]:
            return None
        node = edges[node][edge]
    return node


def _key(node: Any) -> str:
    return next(attribute.checkpoint_key for attribute in node.attributes if attribute.name == VALUE)
