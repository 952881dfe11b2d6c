"""What TensorFlow keeps for good: a function for every traced call of `tf.custom_gradient`, and with it its graph."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any


def forget_custom_gradients(but: Collection[str] = ()) -> None:
    """Lets go of the graphs that were traced so far, which then can't be differentiated; `but`: names that stay."""
    registry = _registry()
    for name in [name for name in registry if name.startswith("CustomGradient-") and name not in but]:
        del registry[name]


@contextmanager
def forgotten_custom_gradients() -> Iterator[None]:
    """Lets go of what is traced or loaded within."""
    known = {*_registry()}
    try:
        yield
    finally:
        forget_custom_gradients(known)


def _registry() -> dict[str, Any]:
    from tensorflow.python.framework import ops

    return ops.gradient_registry._registry  # pyright: ignore[reportPrivateUsage]
