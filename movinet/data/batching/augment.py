"""How training clips are varied from epoch to epoch: one draw per clip, the same for all its frames.

What is constant within a clip (colours, place, size) is memorised when clips are few; augmentation changes it at each
epoch.  Nothing here may change a label: flips spare the classes that name a side or a direction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from movinet.config.errors import InputError

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Augment:
    """What may vary. The defaults vary place, size, time and colour gently; `Augment.none()` varies nothing.

    area: share of the frame a crop covers, (least, most), as far as its aspect fits;
    aspect: its width / height, (least, most).
    brightness: added, +- this much of the full range;  contrast: factor within 1 +- this, about the clip's mean;
    channel_gain: factor per colour channel within 1 +- this;  permute_channels: colours are a nuisance, swap them.
    flip: mirror every second clip left-right, except those whose label is in `flip_except`.
    time_offset: a random moment to start at, otherwise the centre of the video;  speed: factor on the rate at which
    the clip is sampled, (least, most).
    policy: rand for RandAugment, `operations` of strength `magnitude` (0 to 10); auto for AutoAugment's policy v0.
    """

    area: tuple[float, float] = (0.49, 1.0)
    aspect: tuple[float, float] = (0.75, 4 / 3)
    brightness: float = 0.1
    contrast: float = 0.2
    channel_gain: float = 0.1
    permute_channels: bool = False
    flip: bool = False
    flip_except: tuple[str, ...] = field(default=())
    time_offset: bool = True
    speed: tuple[float, float] = (1.0, 1.0)
    policy: Literal["none", "rand", "auto"] = "none"
    operations: int = 2
    magnitude: float = 5.0

    def __post_init__(self):
        for name in ("area", "aspect", "speed", "flip_except"):  # YAML has lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _check(0 < self.area[0] <= self.area[1] <= 1, self, "area", "(least, most), 0 < least <= most <= 1")
        _check(0 < self.aspect[0] <= self.aspect[1], self, "aspect", "(least, most), 0 < least <= most")
        _check(0 < self.speed[0] <= self.speed[1], self, "speed", "(least, most), 0 < least <= most")
        for name in ("brightness", "contrast", "channel_gain"):
            _check(0 <= getattr(self, name) < 1, self, name, "a number >= 0 and < 1")
        _check(self.policy in ("none", "rand", "auto"), self, "policy", "none, rand, auto")
        _check(self.operations >= 1, self, "operations", "an integer >= 1")
        _check(0 <= self.magnitude <= 10, self, "magnitude", "a number, 0 to 10")

    @classmethod
    def none(cls) -> Augment:
        """No variation at all: the centre of video and frame."""
        return cls((1.0, 1.0), (1.0, 1.0), 0.0, 0.0, 0.0, time_offset=False)


@dataclass(frozen=True)
class Draw:
    """One clip's variation: box (top, left, height, width) in pixels; colours of pixels in [0, 1]."""

    box: Box
    flip: bool = False
    channels: tuple[int, int, int] = (0, 1, 2)  # which channel becomes red, green, blue
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)  # applied after the swap
    contrast: float = 1.0
    brightness: float = 0.0


def centre_box(height: int, width: int) -> Box:
    """The largest square in the middle of a frame."""
    side = min(height, width)
    return (height - side) / 2, (width - side) / 2, side, side


def draw(augment: Augment, height: int, width: int, label: str, rng: np.random.Generator) -> Draw:
    """A variation for one clip of (height, width) pixels and `label`."""
    return Draw(
        box=_box(augment, height, width, rng),
        flip=bool(augment.flip and not _names_a_side(label, augment) and rng.random() < 0.5),
        channels=_triple(rng.permutation(3)) if augment.permute_channels else (0, 1, 2),
        gain=_triple(1 + augment.channel_gain * rng.uniform(-1, 1, 3)),
        contrast=1 + augment.contrast * rng.uniform(-1, 1),
        brightness=augment.brightness * rng.uniform(-1, 1),
    )


def _names_a_side(label: str, augment: Augment) -> bool:
    """Also where a clip has several classes, "run|turn left"."""
    return label in augment.flip_except or any(part in augment.flip_except for part in label.split("|"))


def _box(augment: Augment, height: int, width: int, rng: np.random.Generator) -> Box:
    """A random box inside the frame, of the asked aspect; where the area does not fit, the largest that does."""
    if augment.area == (1.0, 1.0) and augment.aspect == (1.0, 1.0):
        return centre_box(height, width)
    aspect = math.exp(rng.uniform(math.log(augment.aspect[0]), math.log(augment.aspect[1])))
    area = rng.uniform(*augment.area) * height * width
    box_width = min(math.sqrt(area * aspect), height * aspect, width)
    box_height = min(box_width / aspect, height)  # rounding may lift it above
    return rng.uniform(0, height - box_height), rng.uniform(0, width - box_width), box_height, box_width


def _triple(values: np.ndarray) -> Any:
    return tuple(values.tolist())


def _check(ok: bool, owner: Augment, name: str, allowed: str) -> None:
    if not ok:
        raise InputError(f"Augment.{name}={getattr(owner, name)!r} is not allowed; allowed: {allowed}")
