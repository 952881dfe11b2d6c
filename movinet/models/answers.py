"""From logits to the classes of a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras


def predict(
    network: keras.Model, clip: np.ndarray, labels: Sequence[str], top: int = 5, multi_label: bool = False
) -> list[tuple[str, float]]:
    """The `top` labels of a clip (T, H, W, 3) in [0, 1] with their probabilities, the likeliest first.

    Raises ValueError for a clip in another range.
    """
    if clip.dtype.kind != "f" or not -0.01 <= clip.min() <= clip.max() <= 1.01:  # some resizing overshoots a little
        found = f"{clip.dtype} from {clip.min():g} to {clip.max():g}"
        raise ValueError(f"a clip of {found} is not allowed; allowed: floats from 0 to 1")
    logits = np.asarray(network(clip[None], training=False))[0]
    return likeliest(class_probabilities(logits, multi_label), labels, top)


def class_probabilities(logits: Any, multi_label: bool = False) -> np.ndarray:
    """Logits (..., classes) -> float64 of that shape: softmax, or the sigmoid of each where clips have many classes."""
    logits = np.asarray(logits, np.float64)
    if multi_label:
        return 0.5 + 0.5 * np.tanh(logits / 2)  # exp(-x) would overflow
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def likeliest(
    probabilities: np.ndarray, labels: Sequence[str], top: int = 5, threshold: float = 0.0
) -> list[tuple[str, float]]:
    """The `top` labels whose probability, of (classes,), is `threshold` or more, the likeliest first."""
    best = np.argsort(-probabilities, kind="stable")[:top]
    return [(labels[int(k)], float(probabilities[k])) for k in best if probabilities[k] >= threshold]
