"""Activations by the names a spec uses, with the published slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from movinet.layers.backend import ops


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) * 0.16667: the published weights were trained with this rounded sixth, not with Keras' slope."""
    return ops.relu6(x + 3.0) * 0.16667


def hard_swish(x: Any) -> Any:
    """x * relu6(x + 3) / 6."""
    return x * (ops.relu6(x + 3.0) * (1.0 / 6.0))


ACTIVATION_FUNCTIONS: dict[str | None, Callable[[Any], Any]] = {
    None: lambda x: x,
    "swish": ops.silu,
    "hard_swish": hard_swish,
    "relu": ops.relu,
    "relu6": ops.relu6,
    "sigmoid": ops.sigmoid,
    "hard_sigmoid": hard_sigmoid,
}
