"""What a network costs, from its spec alone: multiply-adds, parameters, and bytes of activations and stream buffers.

One multiply-add counts as ONE FLOP, as in the tables of arXiv:2103.11511 (TensorFlow's profiler counts two).
Standard library only; thousands of candidates a second, since a layer that candidates share is counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from movinet.config.errors import InputError
from movinet.operation import Operation
from movinet.ops import ELEMENT_BYTES, parts
from movinet.spec import MovinetSpec


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one clip, batch 1.

    flops: multiply-adds of convolutions and dense layers, 'same' padding counted as data. Batch norms, activations,
        pools, ReZero and sums count nothing.
    parameters: all variables of the model: weights and batch norms' moving statistics, the classifier included.
    activation_bytes: the largest sum of tensors alive at one operation of the forward pass, float32: what it reads,
        what it writes (element-wise operations write over what they read), and what waits to be read later, such as
        a layer's input for its skip. Weights, stream buffers and padding are not in it.
    buffer_bytes: what a causal network keeps from frame to frame: stream buffers, pools' sums (float32), frame
        counters (int32). It does not depend on the clip's length; 0 when not causal.
    """

    flops: int
    parameters: int
    activation_bytes: int
    buffer_bytes: int


def network_cost(spec: MovinetSpec, frames: int | None = None, size: int | None = None, num_classes: int = 600) -> Cost:
    """The cost of one clip of `frames` frames of `size` x `size` pixels (default: the spec's own clip)."""
    return together([_count(part.build, *part.arguments) for part in parts(spec, frames, size, num_classes)])


def together(costs: Sequence[Cost]) -> Cost:
    """The cost of what is computed one after the other: a network's parts, an ensemble's networks."""
    return Cost(
        sum(cost.flops for cost in costs),
        sum(cost.parameters for cost in costs),
        max(cost.activation_bytes for cost in costs),
        sum(cost.buffer_bytes for cost in costs),
    )


def frame_cost(spec: MovinetSpec, size: int | None = None, num_classes: int = 600) -> Cost:
    """The cost of one more frame of a stream, logits included. Raises InputError when the spec is not causal."""
    if not spec.causal:
        raise InputError("MovinetSpec.causal=False is not allowed frame by frame; allowed: True")
    return network_cost(spec, 1, size, num_classes)


@lru_cache(maxsize=1 << 16)
def _count(build: Callable[..., tuple[Operation, ...]], *arguments: Any) -> Cost:
    ops = build(*arguments)
    return Cost(
        sum(op.flops for op in ops),
        sum(op.parameters for op in ops),
        max(op.activation_elements for op in ops) * ELEMENT_BYTES,
        sum(op.buffer_elements for op in ops) * ELEMENT_BYTES,
    )
