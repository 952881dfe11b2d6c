"""A network as a row of numbers, from its spec alone: what predictors learn from.  Standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterator

from movinet.cost import Cost
from movinet.spec import BlockSpec, MovinetSpec

CLIP_WEIGHT, COST_WEIGHT = 2.0, 5.0  # of a block's numbers 1: benchmarks/LOG.md, 2026-11-26


def features(spec: MovinetSpec, cost: Cost) -> tuple[float, ...]:
    """As many numbers for every network of as many blocks; widths and costs as logarithms, since they act as ratios.

    Clip (frames, resolution, frames per second), cost (log FLOPs, log parameters), head width, how far the kernels
    reach in time, and for each block: width, depth, layers with taps in time, longest kernel in time, mean kernel in
    space, mean expansion, layers with squeeze-excitation.
    """
    reach = sum(layer.kernel[0] - 1 for block in spec.blocks for layer in block.layers)
    return (
        float(spec.clip.frames),
        float(spec.clip.resolution),
        float(spec.clip.frames_per_second),
        math.log(cost.flops),
        math.log(cost.parameters),
        math.log(spec.head.project_filters),
        float(reach),
        *(number for block in spec.blocks for number in _of_block(block)),
    )


def weights(count: int) -> tuple[float, ...]:
    """How much a difference in each of `count` features counts: accuracy follows FLOPs first, then the clip."""
    return (CLIP_WEIGHT,) * 3 + (COST_WEIGHT,) + (1.0,) * (count - 4)


def _of_block(block: BlockSpec) -> Iterator[float]:
    layers = block.layers
    yield math.log(block.base_filters)
    yield float(len(layers))
    yield float(sum(layer.kernel[0] > 1 for layer in layers))
    yield float(max(layer.kernel[0] for layer in layers))
    yield sum(layer.kernel[1] for layer in layers) / len(layers)
    yield sum(layer.expand_filters for layer in layers) / len(layers) / block.base_filters
    yield float(sum(layer.squeeze_excite for layer in layers))
