"""The network that decisions describe."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from movinet.spec import BlockSpec, ClipSpec, LayerSpec

MODEL_FIELDS = (
    "causal",
    "conv_type",
    "se_type",
    "activation",
    "gating_activation",
    "use_positional_encoding",
    "average_pooling_type",
)
_layer = lru_cache(maxsize=4096)(LayerSpec)  # a few dozen different layers serve all candidates of a space


def round_filters(filters: float) -> int:
    """The nearest multiple of 8, 8 at least, halves upwards.

    Not `movinet.spec.make_divisible`, which never loses 10 %: A2's published 16 filters in block 2 are 0.75 x 24 = 18.
    """
    return max(8, int(filters + 4) // 8 * 8)


def filters(chosen: dict[str, Any], part: str, key: str) -> int:
    """A part's width: base x the space's width x the part's multiplier, rounded to 8 unless neither changes it."""
    factor = chosen["width"] * chosen.get(f"{part}.width_multiplier", 1)
    is_rounded = f"{part}.width_multiplier" in chosen or factor != 1
    return round_filters(chosen[f"{part}.{key}"] * factor) if is_rounded else chosen[f"{part}.{key}"]


def expand_filters(chosen: dict[str, Any], block: str, layer: int) -> int:
    """A layer's inner width; a ratio is of the base width before the block's own multiplier, as in the paper."""
    if (given := layer_value(chosen, block, layer, "expand_filters")) is not None:
        return given if chosen["width"] == 1 else round_filters(given * chosen["width"])
    ratio = layer_value(chosen, block, layer, "expand_ratio")
    return round_filters(chosen[f"{block}.base_filters"] * chosen["width"] * ratio)


def layer_value(chosen: dict[str, Any], block: str, layer: int, key: str) -> Any:
    """A layer's own value, else its block's, else None."""
    own = chosen.get(f"{block}.layer{layer}.{key}")
    return chosen.get(f"{block}.{key}") if own is None else own


def clip(chosen: dict[str, Any]) -> ClipSpec:
    """The clip; a length in seconds is turned into the nearest number of frames, one at least."""
    rate = chosen["clip.frames_per_second"]
    frames = chosen.get("clip.frames") or max(1, round(chosen["clip.seconds"] * rate))
    return ClipSpec(frames, chosen["clip.resolution"], rate)


def _block(chosen: dict[str, Any], name: str) -> BlockSpec:
    layers = tuple(
        _layer(
            expand_filters(chosen, name, layer),
            tuple(layer_value(chosen, name, layer, "kernel")),
            layer_value(chosen, name, layer, "squeeze_excite"),
        )
        for layer in range(1, chosen[f"{name}.layers"] + 1)
    )
    return BlockSpec(filters(chosen, name, "base_filters"), layers, chosen[f"{name}.stride"])
