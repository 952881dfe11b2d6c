"""The names of the common PyTorch port (github.com/Atze00/MoViNet-pytorch), both generations, and ours.

    conv1.conv_1.conv3d.weight                      stem/kernel
    blocks.b0_l2.deep.conv_2.norm.running_mean      bottleneck{i}/feature/bn_temporal/moving_mean
    blocks.b0_l2.se.fc1.weight                      bottleneck{i}/se/se_reduce/kernel, of the older generation

Newer state dicts have a level conv_1 (conv_2: the temporal half) in every convolution; the older ones have it only as
"2plus1s.conv_1", and none in squeeze-excite and classifier.  The axes of kernels are (out, in, time, height, width).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from movinet.weights.tensors import CheckpointError

PARTS = {  # of our paths, without the bottleneck
    "stem": "conv1",
    "expansion": "expand",
    "feature": "deep",
    "se/se_reduce": "se.fc1",
    "se/se_expand": "se.fc2",
    "projection": "project",
    "skip_project": "res",
    "head/project": "conv7",
    "classifier_head/head": "classifier.0",
    "classifier_head/classifier": "classifier.3",
}
SCALARS = {"scale": "alpha", "se/position/scale": "se.position.alpha"}  # the port has no positional encoding
STATISTICS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}

_BLOCK = r"(?:blocks\.b(?P<block>\d+)_l(?P<layer>\d+)\.)?"
_CONVOLUTION = re.compile(
    _BLOCK + rf"(?P<part>{'|'.join(map(re.escape, PARTS.values()))})(?:(?<=res)\.[01])?\."
    r"(?:2plus1s\.)?(?:conv_(?P<half>[12])\.)?"
    r"(?:norm\.(?P<statistic>weight|bias|running_mean|running_var)|(?:conv[23]d\.)?(?P<leaf>weight|bias))"
)
_SCALAR = re.compile(_BLOCK + rf"(?P<scalar>{'|'.join(map(re.escape, SCALARS.values()))})")
_STEM = re.compile(r"(?P<prefix>.*?)conv1\.(?:2plus1s\.)?(?:conv_1\.)?conv[23]d\.weight")


def weight_names(names: Iterable[str]) -> dict[str, str]:
    """The name in a state dict of each weight of the network, by our path; {} if it holds none.

    Whatever stands before all of the network's names ("module.", "model.") is skipped.  Paths count bottlenecks
    through, as in `NamedTensors`.  CheckpointError if there are several networks.
    """
    names = list(names)
    prefixes = {stem["prefix"] for stem in map(_STEM.fullmatch, names) if stem}
    if len(prefixes) > 1:
        raise CheckpointError(f"it holds {len(prefixes)} networks ({', '.join(sorted(prefixes))})")
    parsed = {
        name: _parse(name.removeprefix(prefix)) for prefix in prefixes for name in names if name.startswith(prefix)
    }
    layers = sorted({layer for layer, _ in filter(None, parsed.values()) if layer is not None})
    paths = {}
    for name, found in parsed.items():
        if found is not None:
            layer, path = found
            paths[path if layer is None else f"bottleneck{layers.index(layer)}/{path}"] = name
    return paths


def state_name(path: str, conv: str, pooled_skip: bool) -> str:
    """The newer generation's name of the weight whose path in a `build_movinet` model is `path`.

    conv: "conv2d" or "conv3d"; pooled_skip: whether the skip has a pool before its convolution (a stride).
    """
    block = re.match(r"block(\d+)_layer(\d+)/", path)
    scope, rest = (f"blocks.b{block[1]}_l{block[2]}.", path[block.end() :]) if block else ("", path)
    if rest in SCALARS:
        return scope + SCALARS[rest]
    part = max((part for part in PARTS if rest.startswith(f"{part}/")), key=len)
    leaf = rest[len(part) + 1 :]
    scope += PARTS[part] + (f".{int(pooled_skip)}" if part == "skip_project" else "")
    half = "conv_2" if "temporal" in leaf else "conv_1"
    if leaf.startswith("bn"):
        return f"{scope}.{half}.norm.{STATISTICS[leaf.split('/')[1]]}"
    return f"{scope}.{half}.{conv}.{'bias' if leaf == 'bias' else 'weight'}"


def official_axes(kernel: np.ndarray) -> np.ndarray:
    """(out, in, *taps) -> (*taps, in, out); other weights as they are."""
    return kernel.transpose(*range(2, kernel.ndim), 1, 0) if kernel.ndim > 2 else kernel


def port_axes(kernel: np.ndarray, depthwise: bool) -> np.ndarray:
    """(*taps, in, out), or (height, width, out, 1) for Conv2D's depthwise, -> (out, in, *taps), contiguous."""
    if kernel.ndim < 3:
        return kernel
    outward, inward = (-2, -1) if depthwise and kernel.ndim == 4 else (-1, -2)
    return np.ascontiguousarray(np.moveaxis(kernel, (outward, inward), (0, 1)))


def _parse(name: str) -> tuple[tuple[int, int] | None, str] | None:
    """(block, layer) or None, and our path within it; None for other names."""
    found = _CONVOLUTION.fullmatch(name) or _SCALAR.fullmatch(name)
    if found is None:
        return None
    groups = found.groupdict()
    layer = (int(groups["block"]), int(groups["layer"])) if groups["block"] else None
    if "scalar" in groups:
        return layer, _OURS[groups["scalar"]]
    temporal = groups["half"] == "2"
    if groups["statistic"]:
        leaf = f"{'bn_temporal' if temporal else 'bn'}/{_STATISTIC[groups['statistic']]}"
    else:
        leaf = "bias" if groups["leaf"] == "bias" else "temporal_kernel" if temporal else "kernel"
    return layer, f"{_OURS[groups['part']]}/{leaf}"


_OURS = {theirs: ours for ours, theirs in (PARTS | SCALARS).items()}
_STATISTIC = {theirs: ours for ours, theirs in STATISTICS.items()}
