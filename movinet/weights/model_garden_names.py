"""The names Model Garden gives to a network's variables, and its checkpoints.

With `conv_type` "3d" and "3d_2plus1d" kernels are those of Conv3D, with "2plus1d" those of Conv2D, whose layers Keras 2
numbers within each block.  Our variables have the official shapes, so that values move without a change.
"""

from __future__ import annotations

from typing import Any

import keras

from movinet.weights.tensors import check_published

PARTS = {"skip_project": "skip/skip_project", "se_reduce": "se/se_reduce", "se_expand": "se/se_expand"}


def official_names(model: keras.Model) -> dict[str, Any]:
    """Model Garden's name of every variable of a `build_movinet` model, in the model's order, with our variable.

    The scalars of the positional encodings are all called "scale" there; here they are told apart as
    "block{b}_layer{l}/bneck/se/position/scale".  CheckpointError for an operator that the original does not have.
    """
    check_published(model)
    flat = model.get_layer("stem").conv_type == "2plus1d"
    paths = {weight.path: weight for weight in model.weights}
    return {_official_name(path, paths, flat): weight for path, weight in paths.items()}


def _official_name(path: str, paths: dict[str, Any], flat: bool) -> str:
    layer, *rest = path.split("/")
    if rest == ["scale"]:
        return path
    if layer.startswith("block"):
        rest = rest[1:] if rest[0] == "se" else rest
        part, *leaf = rest
        scope = f"{layer}/bneck/{PARTS.get(part, part)}"
        if part == "position":
            return f"{layer}/bneck/se/position/scale"
    elif layer == "stem":
        part, leaf, scope = "stem", rest, "stem/stem"
    else:
        part, *leaf = rest
        scope = f"{layer}/{part}"
    return f"{scope}/{_flat_leaf(leaf, layer, part, paths) if flat else _conv3d_leaf(leaf)}"


def _conv3d_leaf(leaf: list[str]) -> str:
    """What stands behind the block's scope where convolutions are Conv3D."""
    if len(leaf) == 2:  # bn/gamma, bn_temporal/gamma
        return "/".join(leaf)
    return {"kernel": "conv3d/kernel", "bias": "conv3d/bias", "temporal_kernel": "conv3d_temporal/kernel"}[leaf[0]]


def _flat_leaf(leaf: list[str], layer: str, part: str, paths: dict[str, Any]) -> str:
    """The same where they are Conv2D: batch norm belongs to the convolution, whose inner layer has a number."""
    temporal = "temporal" in leaf[0]
    scope = "conv2d_temporal" if temporal else "conv2d"
    if len(leaf) == 2:
        return f"{scope}/{'/'.join(leaf)}"
    if part == "feature":
        return f"{scope}/depthwise_conv2d{'_1' if temporal else ''}/depthwise_kernel"
    number = int(temporal) or _conv2d_number(layer, part, paths)
    return f"{scope}/conv2d{f'_{number}' if number else ''}/{'bias' if leaf == ['bias'] else 'kernel'}"


def _conv2d_number(layer: str, part: str, paths: dict[str, Any]) -> int:
    """How many Conv2D the official layer makes before this one."""
    if layer == "classifier_head":
        return int(part == "classifier")
    order = ("expansion", "se_reduce", "se_expand", "projection", "skip_project")
    made = [p for p in order if f"{layer}/{'se/' * p.startswith('se_')}{p}/kernel" in paths]
    return made.index(part) if layer.startswith("block") else 0
