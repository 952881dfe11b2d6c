"""Which published network is this? What the shapes of weights tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from movinet.config.errors import InputError
from movinet.operation import Mode, Place
from movinet.operators import OPERATORS
from movinet.presets import PRESETS
from movinet.spec import MovinetSpec

if TYPE_CHECKING:
    from movinet.weights.tensors import NamedTensors

NAMES = ", ".join(PRESETS)


def fitting_preset(source: str, tensors: NamedTensors, conv_type: str | None) -> tuple[str, MovinetSpec]:
    """The one published network that has these weights, told by their shapes."""
    found = outline(tensors.shapes)
    for name, spec in PRESETS.items():
        if outline_of(replace(spec, conv_type=conv_type or spec.conv_type)) == found:
            return name, spec
    raise InputError(f"{source} holds no published network's weights; needed: --network spec.yaml or one of {NAMES}")


def outline(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Any, ...]:
    """What a network's weights, by `NamedTensors`' paths, tell of it: widths, kernels, what its operators weigh."""

    def width(path: str) -> int:
        return shapes[path][-1] if path in shapes else 0

    layers = []
    while (name := f"bottleneck{len(layers)}") + "/expansion/kernel" in shapes:
        expanded = width(f"{name}/expansion/kernel")
        taps = [prod(shapes.get(f"{name}/feature/{k}", (0,))) // expanded for k in ("kernel", "temporal_kernel")]
        held = (sum(prod(shapes[path]) for path in shapes if path.startswith(f"{name}/{o.name}/")) for o in OPERATORS)
        layers.append((expanded, width(f"{name}/projection/kernel"), *taps, *held))
    heads = [width(path) for path in ("head/project/kernel", "classifier_head/head/kernel")]
    return width("stem/kernel"), tuple(layers), *heads


def outline_of(spec: MovinetSpec) -> tuple[Any, ...]:
    """The `outline` of the weights that `build_movinet(spec)` has."""
    layers, mode = [], Mode.of(spec)
    for block in spec.blocks:
        for layer in block.layers:
            time, *space = layer.kernel
            taps = (prod(space), time) if spec.conv_type != "3d" and time > 1 else (time * prod(space), 0)
            place = Place(1, 1, layer.expand_filters)
            held = (sum(op.parameters for op in operator.of_layer(layer, place, mode)) for operator in OPERATORS)
            layers.append((layer.expand_filters, block.base_filters, *taps, *held))
    return spec.stem.filters, tuple(layers), spec.head.project_filters, spec.head.head_filters
