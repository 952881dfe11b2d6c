"""The network that decisions describe."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from movinet.spec import BlockSpec, ClipSpec, HeadSpec, Kernel, LayerSpec, MovinetSpec, StemSpec, choices

CHOICES = {part: tuple(choices(part)) for part in (MovinetSpec, StemSpec, BlockSpec, LayerSpec)}  # fields by name


def network(chosen: dict[str, Any], blocks: Iterable[str]) -> MovinetSpec:
    """The network of decisions and fixed values by their names, with the blocks of these names."""
    return MovinetSpec(
        stem=stem(chosen),
        blocks=tuple(block(chosen, name) for name in blocks),
        head=head(chosen),
        clip=clip(chosen),
        **made_choices(chosen, "model", MovinetSpec),
    )


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


def made_choices(chosen: dict[str, Any], part: str, kind: type) -> dict[str, Any]:
    """The fields of a part that take one of a few values, by their name."""
    return {name: chosen[f"{part}.{name}"] for name in CHOICES[kind]}


def stem(chosen: dict[str, Any]) -> StemSpec:
    width, kernel = filters(chosen, "stem", "filters"), tuple(chosen["stem.kernel"])
    return StemSpec(width, kernel, **made_choices(chosen, "stem", StemSpec))


def head(chosen: dict[str, Any]) -> HeadSpec:
    return HeadSpec(filters(chosen, "head", "project_filters"), chosen["head.head_filters"])


def block(chosen: dict[str, Any], name: str) -> BlockSpec:
    layers = tuple(layer(chosen, name, number) for number in range(1, chosen[f"{name}.layers"] + 1))
    return BlockSpec(filters(chosen, name, "base_filters"), layers, **made_choices(chosen, name, BlockSpec))


def layer(chosen: dict[str, Any], block: str, number: int) -> LayerSpec:
    """A block's layer; number: from 1."""
    return _layer(
        expand_filters(chosen, block, number),
        tuple(layer_value(chosen, block, number, "kernel")),
        *[layer_value(chosen, block, number, name) for name in CHOICES[LayerSpec]],
    )


@lru_cache(maxsize=4096)  # a few dozen different layers serve all candidates of a space
def _layer(expand_filters: int, kernel: Kernel, *choices: Any) -> LayerSpec:
    return LayerSpec(expand_filters, kernel, **dict(zip(CHOICES[LayerSpec], choices, strict=True)))
