"""Weights and clips that are a function of a name, a shape and a seed: the same in every environment (NumPy only)."""

import re
import zlib

import numpy as np


def official_value(name: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """The float32 value of the variable that Model Garden calls `name`.

    The number that Keras 2 appends to a repeated layer's name counts for nothing.  ReZero's scalars are small: with
    scalars near one, random networks as deep as A4 magnify float32 rounding to half their logits, whoever computes.
    """
    name = re.sub(r"(conv2d)_\d+(?=/)", r"\1", name)
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    leaf = name.rsplit("/", 1)[-1]
    if leaf == "scale":
        value = rng.uniform(0.1, 0.3, shape)
    elif leaf == "gamma":
        value = rng.uniform(0.8, 1.2, shape)
    elif leaf == "moving_variance":
        value = rng.uniform(0.5, 1.5, shape)
    elif leaf in ("beta", "moving_mean", "bias"):
        value = rng.normal(0.0, 0.1, shape)
    else:
        fan_in = int(np.prod(shape[:-2] if "depthwise" in leaf else shape[:-1]))
        value = rng.normal(0.0, (2.0 / max(fan_in, 1)) ** 0.5, shape)
    return value.astype(np.float32)


def official_clip(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """(1, frames, height, width, 3), float32 in [0, 1)."""
    return np.random.default_rng(seed).random((1, frames, height, width, 3), dtype=np.float32)
