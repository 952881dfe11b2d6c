"""Weights for networks that are timed untrained."""

from __future__ import annotations

from typing import Any

import numpy as np


def move_from_zero(model: Any, seed: int = 0) -> None:
    """Moves what begins at zero or one: norms, biases, ReZero's scalars, or whole branches would be constants."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if not weight.path.endswith("kernel"):
            weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
