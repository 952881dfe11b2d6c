"""Compound scaling (arXiv:2103.11511, 3.1): one network, or a space, larger or smaller in every way at once.

One number, phi, moves depth, width, resolution and frame rate together, each by its own coefficient to the power phi.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any

from movinet.spec import MovinetSpec
from space.decision import Decision, layer_decisions
from space.scaling.coefficients import Coefficients, Limits
from space.scaling.steps import quantities, steps, take
from space.space import Space


def scale(
    spec: MovinetSpec, coefficients: Coefficients, phi: float, limits: Limits | None = None, divisor: int = 8
) -> MovinetSpec:
    """The network scaled by phi; itself where phi is 0. Nothing in it falls while phi grows.

    Widths are multiples of `divisor`. Blocks grow by repeating their layers after the first, and shrink by losing
    their last. The clip keeps its seconds.
    """
    if phi == 0:
        return spec
    moved = steps(quantities(spec, coefficients, limits or Limits(), divisor), up=phi > 0)
    return take(spec, {step.name: step.value for step in takewhile(lambda step: step.phi <= abs(phi), moved)})


def scale_space(space: Space, coefficients: Coefficients, phi: float) -> Space:
    """The space scaled by phi, as the paper scales its own to search A0 to A5: widths, depths and the clip.

    A depth decision then reaches from its smallest value to its scaled largest, and new layers choose as the others
    do. Kernels, expansion ratios and the clip's seconds stay.
    """
    fixed = {name: _scaled(name, value, coefficients, phi) for name, value in space.fixed.items()}
    fixed["width"] = space.fixed["width"] * coefficients.width**phi
    own = [_scaled_decision(d, coefficients, phi) for d in space.decisions if not d.is_of_layer]
    depths = {d.name: d.values for d in own}
    for block in space.blocks:
        first = f"{block}.layer1."
        choices = {d.name.removeprefix(first): d.values for d in space.decisions if d.name.startswith(first)}
        own += layer_decisions(block, depths.get(f"{block}.layers") or (fixed[f"{block}.layers"],), choices)
    return Space(tuple(own), fixed, space.blocks)


def _scaled_decision(decision: Decision, coefficients: Coefficients, phi: float) -> Decision:
    values = [_scaled(decision.name, value, coefficients, phi) for value in decision.values]
    if decision.name.endswith(".layers"):
        values = range(decision.values[0], max(decision.values[0], values[-1]) + 1)
    return replace(decision, values=tuple(dict.fromkeys(values)) if decision.name in _CLIP else tuple(values))


def _scaled(name: str, value: Any, coefficients: Coefficients, phi: float) -> Any:
    if name.endswith(".layers"):
        return max(1, round(value * coefficients.depth**phi))
    return _CLIP[name](value, coefficients, phi) if name in _CLIP else value


_CLIP: dict[str, Callable[[Any, Coefficients, float], int | float]] = {
    "clip.resolution": lambda value, by, phi: max(1, round(value * by.resolution**phi)),
    "clip.frames": lambda value, by, phi: max(1, round(value * by.frame_rate**phi)),
    "clip.frames_per_second": lambda value, by, phi: value * by.frame_rate**phi,
}
