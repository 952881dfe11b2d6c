"""What a MoViNet is, as data: one frozen description for presets, candidates and family members.

Everything that decides the weights or the input stands in a `MovinetSpec`; `movinet.model.build_movinet` is a pure
function of it and of the number of classes.  Names follow arXiv:2103.11511 (stem, block, layer, head, stream buffer).
Standard library only (PyYAML is imported when a YAML file is read or written).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from math import prod
from pathlib import Path
from typing import Any

from movinet.config.errors import InputError
from movinet.config.file import parse_yaml, plain, read_yaml, to_yaml
from movinet.config.kinds import NETWORK, misplaced
from movinet.config.typed import ConfigError, build

CONV_TYPES = ("3d", "2plus1d", "3d_2plus1d")
SE_TYPES = ("3d", "2d", "2plus3d", "none")
ACTIVATIONS = ("swish", "hard_swish", "relu", "relu6")
GATING_ACTIVATIONS = ("sigmoid", "hard_sigmoid")
POOLING_TYPES = ("3d", "2d")
STRIDES = (1, 2)
FLAGS = (True, False)

Kernel = tuple[int, int, int]


class SpecError(InputError):
    """A field holds a value that is not allowed; the text names field, value and allowed values."""


def choice(allowed: tuple[Any, ...], default: Any, later: bool = False) -> Any:
    """A field that takes one of `allowed`, which `choices` reads again, for the rules of a search space for one.

    The type counts too: 1 and True, or 2 and 2.0, are equal but are not written alike, and would differ in id.
    later: it came after the first release, and does not count in the id of a network that has its default.
    """
    kind = type(allowed[0])
    words = ", ".join(map(str, allowed)).lower()
    metadata = {
        "choices": allowed,
        "later": later,
        **_rule(words, lambda value: type(value) is kind and value in allowed),
    }
    return field(default=default, metadata=metadata)


def choices(kind: type) -> dict[str, tuple[Any, ...]]:
    """The allowed values of each field of a dataclass that is a `choice`, by its name."""
    return {f.name: f.metadata["choices"] for f in fields(kind) if "choices" in f.metadata}


def _rule(words: str, check: Callable[[Any], bool]) -> dict[str, Any]:
    """Metadata of a field: what it allows, in words (`movinet.config.typed` says them too) and as a check."""
    return {"allowed": words, "check": check}


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_kernel(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != 3 or value[1] != value[2]:
        return False
    return all(_is_count(k) and k % 2 == 1 for k in value)


def _is_rate(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1000


def _holds_some(value: object) -> bool:
    return isinstance(value, tuple) and len(value) >= 1


COUNT = _rule("an integer >= 1", _is_count)
KERNEL = _rule("(time, height, width), odd, height = width", _is_kernel)
RATE = _rule("a number > 0 and <= 1000", _is_rate)


class _Checked:
    """A dataclass that checks each field with a rule when it is made. Raises SpecError."""

    def __post_init__(self):
        for name, check, allowed in _checks(type(self)):
            if not check(value := getattr(self, name)):
                raise SpecError(f"{type(self).__name__}.{name}={value!r} is not allowed; allowed: {allowed}")


@cache
def _checks(kind: Any) -> tuple[tuple[str, Callable[[Any], bool], str], ...]:
    return tuple((f.name, f.metadata["check"], f.metadata["allowed"]) for f in fields(kind) if "check" in f.metadata)


@dataclass(frozen=True)
class ClipSpec(_Checked):
    """The clip a network is made for: `frames` frames of `resolution` x `resolution` pixels.

    `frames_per_second` is the rate at which a video is sampled, whatever its own rate.  The papers' frame stride tau
    is for 25 frames a second: tau 5 is 5 frames per second (`ClipSpec.from_stride`).
    """

    frames: int = field(default=50, metadata=COUNT)
    resolution: int = field(default=172, metadata=COUNT)  # pixels
    frames_per_second: float = field(default=5.0, metadata=RATE)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "frames_per_second", float(self.frames_per_second))

    @classmethod
    def from_stride(cls, frames: int, resolution: int, stride: int, video_rate: float = 25.0) -> ClipSpec:
        """The clip that takes every `stride`-th frame of a video of `video_rate` frames per second."""
        return cls(frames, resolution, video_rate / stride)

    @property
    def seconds(self) -> float:
        """How much of the video one clip covers."""
        return self.frames / self.frames_per_second


@dataclass(frozen=True)
class StemSpec(_Checked):
    """The first convolution, on RGB; strides height and width by `stride`."""

    filters: int = field(metadata=COUNT)
    kernel: Kernel = field(default=(1, 3, 3), metadata=KERNEL)
    stride: int = choice(STRIDES, 2)


@dataclass(frozen=True)
class LayerSpec(_Checked):
    """One inverted bottleneck: 1x1x1 expand, depthwise `kernel`, squeeze-excite, 1x1x1 project."""

    expand_filters: int = field(metadata=COUNT)
    kernel: Kernel = field(metadata=KERNEL)
    squeeze_excite: bool = choice(FLAGS, True)


@dataclass(frozen=True)
class BlockSpec(_Checked):
    """Layers of one output width; the first strides height and width by `stride`."""

    base_filters: int = field(metadata=COUNT)
    layers: tuple[LayerSpec, ...] = field(metadata=_rule("one layer or more", _holds_some))
    stride: int = choice(STRIDES, 2)


@dataclass(frozen=True)
class HeadSpec(_Checked):
    """1x1x1 convolution to `project_filters`, global average pool, dense `head_filters`; then the classifier."""

    project_filters: int = field(metadata=COUNT)
    head_filters: int = field(default=2048, metadata=COUNT)


@dataclass(frozen=True)
class MovinetSpec(_Checked):
    """A whole network without its classifier's classes.

    causal: time padding on the past side only and running averages, so that it can run frame by frame.
    conv_type: "3d", or the (2+1)D forms "2plus1d" and "3d_2plus1d" (same mathematics, other official weight shapes).
    se_type: what a squeeze-excite layer pools: "3d" the clip so far, "2d" the frame, "2plus3d" both; "none" switches
        every layer's off.
    average_pooling_type: the head's: "3d" over clip and space, "2d" over space only (frame by frame use).
    """

    stem: StemSpec
    blocks: tuple[BlockSpec, ...] = field(metadata=_rule("one block or more", _holds_some))
    head: HeadSpec
    clip: ClipSpec = field(default_factory=ClipSpec)
    causal: bool = choice(FLAGS, False)
    conv_type: str = choice(CONV_TYPES, "3d")
    se_type: str = choice(SE_TYPES, "3d")
    activation: str = choice(ACTIVATIONS, "swish")
    gating_activation: str = choice(GATING_ACTIVATIONS, "sigmoid")
    use_positional_encoding: bool = choice(FLAGS, False)
    average_pooling_type: str = choice(POOLING_TYPES, "3d")

    @property
    def stride(self) -> int:
        """Pixels of the clip, along height or width, to one of the last features."""
        return prod((self.stem.stride, *(block.stride for block in self.blocks)))

    @property
    def depth(self) -> int:
        """Number of bottleneck layers."""
        return sum(len(block.layers) for block in self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers: what JSON and YAML hold; `spec_from_dict` is its inverse."""
        return plain(self)

    @cached_property
    def id(self) -> str:
        """Ten hexadecimal digits of a hash of what is built: equal networks have equal ids.

        Fields without effect do not count: a squeeze-excite layer's, where there is none, and the positional
        encoding of a network that is not causal.
        """
        data = self.to_dict()
        if self.se_type == "none" or not any(layer.squeeze_excite for block in self.blocks for layer in block.layers):
            data |= {"se_type": "none", "gating_activation": None, "use_positional_encoding": False}
            for block in data["blocks"]:
                block["layers"] = [layer | {"squeeze_excite": False} for layer in block["layers"]]
        data["use_positional_encoding"] &= self.causal
        data = _without_later(data, MovinetSpec)
        for block in data["blocks"]:
            block["layers"] = [_without_later(layer, LayerSpec) for layer in block["layers"]]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def _without_later(data: dict[str, Any], kind: type) -> dict[str, Any]:
    dropped = [name for name, default in _later(kind) if data[name] == default]
    return {name: value for name, value in data.items() if name not in dropped} if dropped else data


@cache
def _later(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.default) for f in fields(kind) if f.metadata.get("later"))


def make_divisible(value: float, divisor: int = 8) -> int:
    """`value` rounded to a multiple of `divisor`, never below `divisor` nor more than 10 % below `value`."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def spec_from_dict(data: Mapping[str, Any]) -> MovinetSpec:
    """The spec that `MovinetSpec.to_dict` wrote. Raises SpecError with the path of a wrong or unknown field."""
    try:
        return build(MovinetSpec, data, "spec")
    except ConfigError as error:
        raise SpecError(str(error)) from error


def spec_to_yaml(spec: MovinetSpec) -> str:
    """YAML text with the spec's fields in the order of a forward pass."""
    return to_yaml(spec.to_dict())


def read_spec(path: str | Path) -> MovinetSpec:
    """The spec in a YAML file. Raises SpecError naming file and field."""
    try:
        data = read_yaml(path)
    except ConfigError as error:
        raise SpecError(str(error)) from error
    if wrong := misplaced(path, data, NETWORK):
        raise SpecError(wrong)
    try:
        return spec_from_dict(data)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def spec_from_yaml(text: str) -> MovinetSpec:
    """The spec in YAML text, as `spec_to_yaml` writes it. Raises SpecError with a wrong or unknown field's path."""
    try:
        return spec_from_dict(parse_yaml(text, "spec"))
    except ConfigError as error:
        raise SpecError(str(error)) from error
