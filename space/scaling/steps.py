"""The single steps in which a network grows and shrinks when one coefficient scales all of it.

Widths are multiples of 8, depths, frames and pixels are integers: a growing phi changes one of them at a time, in an
order that is fixed by the coefficients.  Standard library only.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from movinet.spec import BlockSpec, MovinetSpec
from space.scaling.coefficients import Coefficients, Limits


class Step(NamedTuple):
    """At this distance of phi from 0, the quantity takes this value."""

    phi: float
    name: str
    value: int


@dataclass(frozen=True)
class Quantity:
    """One integer of a network, such as a block's width, that scaling moves in steps.

    phase: how far between two values it moves on; at 0.5 it rounds to the nearest.  It never falls below `step`, nor,
    on its way down from the base, below `lowest`.
    """

    name: str
    base: int
    coefficient: float
    step: int = 1
    highest: float = math.inf
    lowest: int = 0
    phase: float = 0.5

    def larger(self) -> Iterator[Step]:
        """The steps up from the base, without end unless there is a highest value."""
        value = self.base
        while self.coefficient > 1:
            value = (value // self.step + 1) * self.step
            if value > self.highest:
                return
            yield Step(max(0.0, self._phi(value)), self.name, value)

    def smaller(self) -> Iterator[Step]:
        """The steps down from the base to the smallest value."""
        value = self.base
        while self.coefficient > 1 and value > max(self.step, self.lowest):
            above = math.ceil(value / self.step) * self.step
            value = above - self.step
            yield Step(max(0.0, -self._phi(above)), self.name, value)

    def _phi(self, value: int) -> float:
        """From which phi on the quantity is `value` or more."""
        start = value - self.step + self.step * self.phase
        return math.log(start / self.base) / math.log(self.coefficient)


def quantities(spec: MovinetSpec, by: Coefficients, limits: Limits, divisor: int = 8) -> list[Quantity]:
    """All that scaling moves in a network."""
    clip = spec.clip
    frames = math.inf if limits.frames_per_second is None else int(limits.frames_per_second * clip.seconds + 1e-9)
    found = [
        Quantity("resolution", clip.resolution, by.resolution, highest=limits.resolution or math.inf),
        Quantity("frames", clip.frames, by.frame_rate, highest=frames),
        Quantity("stem", spec.stem.filters, by.width, divisor),
        Quantity("project", spec.head.project_filters, by.width, divisor),
    ]
    for i, block in enumerate(spec.blocks):
        found.append(Quantity(f"{i}.depth", len(block.layers), by.depth, lowest=_layers_to_see_motion(block)))
        found.append(Quantity(f"{i}.base", block.base_filters, by.width, divisor))
        for j, layer in enumerate(block.layers):
            found.append(Quantity(f"{i}.{j}.expand", layer.expand_filters, by.width, divisor))
    return found


def _layers_to_see_motion(block: BlockSpec) -> int:
    """So many layers have the first kernel over time among them; 0 where there is none."""
    return next((j for j, layer in enumerate(block.layers, 1) if layer.kernel[0] > 1), 0)


def steps(moved: list[Quantity], up: bool) -> Iterator[Step]:
    """The steps of all quantities, in the order in which a growing (or falling) phi takes them."""
    return heapq.merge(*(quantity.larger() if up else quantity.smaller() for quantity in moved))


def take(spec: MovinetSpec, taken: Mapping[str, int]) -> MovinetSpec:
    """The network in which the quantities of that name have that value.

    A block that grows repeats its layers after the first in turn; one that shrinks loses its last, as long as it keeps
    a kernel over time, without which a network would see no motion.
    """
    frames = taken.get("frames", spec.clip.frames)
    rate = spec.clip.frames_per_second * frames / spec.clip.frames
    return replace(
        spec,
        stem=replace(spec.stem, filters=taken.get("stem", spec.stem.filters)),
        blocks=tuple(_block(block, i, taken) for i, block in enumerate(spec.blocks)),
        head=replace(spec.head, project_filters=taken.get("project", spec.head.project_filters)),
        clip=replace(
            spec.clip,
            frames=frames,
            resolution=taken.get("resolution", spec.clip.resolution),
            frames_per_second=rate,
        ),
    )


def _block(block: BlockSpec, i: int, taken: Mapping[str, int]) -> BlockSpec:
    layers = [
        replace(layer, expand_filters=taken.get(f"{i}.{j}.expand", layer.expand_filters))
        for j, layer in enumerate(block.layers)
    ]
    repeated = layers[1:] or layers
    depth = taken.get(f"{i}.depth", len(layers))
    layers += [repeated[k % len(repeated)] for k in range(depth - len(layers))]
    return replace(block, base_filters=taken.get(f"{i}.base", block.base_filters), layers=tuple(layers[:depth]))
