"""What a MoViNet is, as data: one frozen description for presets, candidates and family members.

Everything that decides the weights or the input stands in a `MovinetSpec`; `movinet.model.build_movinet` is a pure
function of it and of the number of classes.  Names follow arXiv:2103.11511 (stem, block, layer, head, stream buffer).
Standard library only (PyYAML is imported when a YAML file is read or written).
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

CONV_TYPES = ("3d", "2plus1d", "3d_2plus1d")
SE_TYPES = ("3d", "2d", "2plus3d", "none")
ACTIVATIONS = ("swish", "hard_swish", "relu", "relu6")
GATING_ACTIVATIONS = ("sigmoid", "hard_sigmoid")
POOLING_TYPES = ("3d", "2d")

Kernel = tuple[int, int, int]


class SpecError(ValueError):
    """A field holds a value that is not allowed; the text names field, value and allowed values."""


def _require(ok: bool, owner: object, name: str, allowed: str) -> None:
    if not ok:
        raise SpecError(f"{type(owner).__name__}.{name}={getattr(owner, name)!r} is not allowed; allowed: {allowed}")


def _require_one_of(owner: object, name: str, allowed: tuple[Any, ...]) -> None:
    """The type counts too: 1 and True, or 2 and 2.0, are equal but are not written alike, and would differ in id."""
    value = getattr(owner, name)
    _require(type(value) is type(allowed[0]) and value in allowed, owner, name, ", ".join(map(str, allowed)).lower())


def _require_count(owner: object, *names: str) -> None:
    for name in names:
        _require(_is_count(getattr(owner, name)), owner, name, "an integer >= 1")


def _require_kernel(owner: StemSpec | LayerSpec) -> None:
    kernel = owner.kernel
    odd = isinstance(kernel, tuple) and len(kernel) == 3 and all(_is_count(k) and k % 2 == 1 for k in kernel)
    _require(odd and kernel[1] == kernel[2], owner, "kernel", "(time, height, width), odd, height = width")


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


@dataclass(frozen=True)
class ClipSpec:
    """The clip a network is made for: `frames` frames of `resolution` x `resolution` pixels.

    `frames_per_second` is the rate at which a video is sampled, whatever its own rate.  The papers' frame stride tau
    is for 25 frames a second: tau 5 is 5 frames per second (`ClipSpec.from_stride`).
    """

    frames: int = 50
    resolution: int = 172  # pixels
    frames_per_second: float = 5.0

    def __post_init__(self):
        _require_count(self, "frames", "resolution")
        rate = self.frames_per_second
        is_rate = isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 < rate <= 1000
        _require(is_rate, self, "frames_per_second", "a number > 0 and <= 1000")
        object.__setattr__(self, "frames_per_second", float(rate))

    @classmethod
    def from_stride(cls, frames: int, resolution: int, stride: int, video_rate: float = 25.0) -> ClipSpec:
        """The clip that takes every `stride`-th frame of a video of `video_rate` frames per second."""
        return cls(frames, resolution, video_rate / stride)

    @property
    def seconds(self) -> float:
        """How much of the video one clip covers."""
        return self.frames / self.frames_per_second


@dataclass(frozen=True)
class StemSpec:
    """The first convolution, on RGB; strides height and width by `stride`."""

    filters: int
    kernel: Kernel = (1, 3, 3)
    stride: int = 2

    def __post_init__(self):
        _require_count(self, "filters")
        _require_kernel(self)
        _require_one_of(self, "stride", (1, 2))


@dataclass(frozen=True)
class LayerSpec:
    """One inverted bottleneck: 1x1x1 expand, depthwise `kernel`, squeeze-excite, 1x1x1 project."""

    expand_filters: int
    kernel: Kernel  # (time, height, width)
    squeeze_excite: bool = True

    def __post_init__(self):
        _require_count(self, "expand_filters")
        _require_kernel(self)
        _require_one_of(self, "squeeze_excite", (True, False))


@dataclass(frozen=True)
class BlockSpec:
    """Layers of one output width; the first strides height and width by `stride`."""

    base_filters: int
    layers: tuple[LayerSpec, ...]
    stride: int = 2

    def __post_init__(self):
        _require_count(self, "base_filters")
        _require(isinstance(self.layers, tuple) and len(self.layers) >= 1, self, "layers", "one layer or more")
        _require_one_of(self, "stride", (1, 2))


@dataclass(frozen=True)
class HeadSpec:
    """1x1x1 convolution to `project_filters`, global average pool, dense `head_filters`; then the classifier."""

    project_filters: int
    head_filters: int = 2048

    def __post_init__(self):
        _require_count(self, "project_filters", "head_filters")


@dataclass(frozen=True)
class MovinetSpec:
    """A whole network without its classifier's classes.

    causal: time padding on the past side only and running averages, so that it can run frame by frame.
    conv_type: "3d", or the (2+1)D forms "2plus1d" and "3d_2plus1d" (same mathematics, other official weight shapes).
    se_type: what a squeeze-excite layer pools: "3d" the clip so far, "2d" the frame, "2plus3d" both; "none" switches
        every layer's off.
    average_pooling_type: the head's: "3d" over clip and space, "2d" over space only (frame by frame use).
    """

    stem: StemSpec
    blocks: tuple[BlockSpec, ...]
    head: HeadSpec
    clip: ClipSpec = field(default_factory=ClipSpec)
    causal: bool = False
    conv_type: str = "3d"
    se_type: str = "3d"
    activation: str = "swish"
    gating_activation: str = "sigmoid"
    use_positional_encoding: bool = False
    average_pooling_type: str = "3d"

    def __post_init__(self):
        _require(isinstance(self.blocks, tuple) and len(self.blocks) >= 1, self, "blocks", "one block or more")
        for name, allowed in {
            "conv_type": CONV_TYPES,
            "se_type": SE_TYPES,
            "activation": ACTIVATIONS,
            "gating_activation": GATING_ACTIVATIONS,
            "average_pooling_type": POOLING_TYPES,
            "causal": (True, False),
            "use_positional_encoding": (True, False),
        }.items():
            _require_one_of(self, name, allowed)

    @property
    def depth(self) -> int:
        """Number of bottleneck layers."""
        return sum(len(block.layers) for block in self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers: what JSON and YAML hold; `spec_from_dict` is its inverse."""
        return _plain(self)

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
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def make_divisible(value: float, divisor: int = 8) -> int:
    """`value` rounded to a multiple of `divisor`, never below `divisor` nor more than 10 % below `value`."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def spec_from_dict(data: dict[str, Any]) -> MovinetSpec:
    """The spec that `MovinetSpec.to_dict` wrote. Raises SpecError with the path of a wrong or unknown field."""
    return _build(MovinetSpec, data, "spec")


def spec_to_yaml(spec: MovinetSpec) -> str:
    """YAML text with the spec's fields in the order of a forward pass."""
    import yaml

    return yaml.safe_dump(spec.to_dict(), sort_keys=False, default_flow_style=None, width=120)


def spec_from_yaml(source: str | Path) -> MovinetSpec:
    """Reads a spec from YAML text or from a file's path. Raises SpecError naming file and field."""
    import yaml

    is_file = isinstance(source, Path) or "\n" not in source
    where = f"{source}: " if is_file else ""
    try:
        text = Path(source).read_text(encoding="utf-8") if is_file else str(source)
        data = yaml.safe_load(text)
    except OSError as error:
        raise SpecError(f"{where}cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{where}not YAML ({' '.join(str(error).split())})") from error
    try:
        return spec_from_dict(data)
    except SpecError as error:
        raise SpecError(f"{where}{error}") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _build(kind: type, data: Any, path: str) -> Any:
    """An instance of the dataclass `kind` from plain data; every error names its `path`."""
    if not isinstance(data, dict):
        raise SpecError(f"{path}={data!r} is not allowed; allowed: a mapping with {_names(kind)}")
    hints = _hints(kind)
    for name in data:
        if name not in hints:
            raise SpecError(f"{path}.{name} is not a field; allowed: {_names(kind)}")
    for f in fields(kind):
        if f.name not in data and f.default is MISSING and f.default_factory is MISSING:
            raise SpecError(f"{path}.{f.name} is missing")
    values = {name: _value(hints[name], value, f"{path}.{name}") for name, value in data.items()}
    try:
        return kind(**values)
    except SpecError as error:
        raise SpecError(f"{path}.{str(error).removeprefix(kind.__name__ + '.')}") from error


def _value(hint: Any, value: Any, path: str) -> Any:
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), value, path)
    if isinstance(hint, types.GenericAlias) and isinstance(value, (list, tuple)):
        items = hint.__args__
        return tuple(_value(items[0], item, f"{path}[{index}]") for index, item in enumerate(value))
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _names(kind: type) -> str:
    return ", ".join(f.name for f in fields(kind))
