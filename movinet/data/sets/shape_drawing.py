"""Draws moving shapes: a shape on a cluttered, noisy ground, in one of a few motions.

Every shape makes every motion, in the same places, sizes, angles and colours; all motions are alike in the clip's
middle.  So one frame tells the shape at best, and the motion without the shape the motion at best.  The hard form has
twice as many classes, whose motions differ by their direction alone, and a smaller shape that moves as well, in a way
that tells nothing.  NumPy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

SHAPES = ("bar", "cross", "triangle")
MOTIONS = ("moving left", "moving right", "growing", "spinning")
LABELS = tuple(f"{shape} {motion}" for shape in SHAPES for motion in MOTIONS)

HARD_SHAPES = (*SHAPES, "ring")
HARD_MOTIONS = ("moving left", "moving right", "growing", "shrinking", "spinning left", "spinning right")
HARD_LABELS = tuple(f"{shape} {motion}" for shape in HARD_SHAPES for motion in HARD_MOTIONS)
SMALLER = 0.4  # times the size of what tells the class is what does not
SLOWER = 0.4  # times as fast is a spin of which the direction counts, so that few frames a second show it


@dataclass(frozen=True)
class Course:
    """Where a shape is at each moment, (frames,) each: centre and radius in picture widths, angle in radians."""

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    angle: np.ndarray


def draw(label: str, times: np.ndarray, size: int, rng: np.random.Generator, distracted: bool = False) -> np.ndarray:
    """A clip of the class `label` at `times` (seconds from its middle): uint8 (frames, size, size, 3).

    distracted: a smaller shape moves behind the one that tells the class.
    """
    shape, motion = label.split(" ", 1)
    shake = rng.standard_normal((2, len(times), 1, 1), np.float32) * np.float32(rng.uniform(0, 0.008))  # in widths
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    x, y = axis + shake[0], axis[:, None] + shake[1]  # (frames, 1, size), (frames, size, 1)
    ground, paint = _colours(rng)
    slope = rng.uniform(-0.25, 0.25, 2).astype(np.float32)
    shade = 1 + slope[0] * x + slope[1] * y  # (frames, size, size): how light the ground is
    for _ in range(rng.integers(2, 6)):
        shade = _with_stick(shade, x, y, rng)
    cover = _cover(shape, x, y, course(motion, times, rng), size)
    canvas = ground * shade[..., None]
    if distracted:
        other = course(str(rng.choice(HARD_MOTIONS)), times, rng)
        path = replace(other, y=3 * other.y, radius=SMALLER * other.radius)
        behind = _cover(str(rng.choice(HARD_SHAPES)), x, y, path, size)
        canvas += behind[..., None] * (_colours(rng)[1] - canvas)
    canvas += cover[..., None] * (paint - canvas)
    canvas += rng.standard_normal(canvas.shape, np.float32) * np.float32(rng.uniform(0.02, 0.06))
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def course(motion: str, times: np.ndarray, rng: np.random.Generator) -> Course:
    """The course of a motion at `times` (seconds from the clip's middle)."""
    x, y, angle = rng.uniform((-0.5, -0.12, 0), (0.5, 0.12, 2 * math.pi))
    radius, way = rng.uniform(0.24, 0.34), rng.choice((-1, 1))
    pace = math.exp(rng.uniform(math.log(0.25), math.log(2.5)))  # picture widths or turns a second
    growth = rng.uniform(0.25, 0.5)  # e-folds of the radius a second
    turn, still = 2 * math.pi * pace * times, np.zeros_like(times)
    return Course(
        x + {"moving left": -pace * times, "moving right": pace * times}.get(motion, still),
        y + still,
        radius * np.exp({"growing": growth * times, "shrinking": -growth * times}.get(motion, still)),
        angle
        + {"spinning": way * turn, "spinning left": -SLOWER * turn, "spinning right": SLOWER * turn}.get(motion, still),
    )


def _cover(shape: str, x: np.ndarray, y: np.ndarray, path: Course, size: int) -> np.ndarray:
    """How much of each pixel the shape covers, (frames, size, size) in [0, 1]: smooth over one pixel at the edge.

    What leaves the picture on one side comes in on the other, so that places are alike in every motion at any time.
    """
    columns = (path.x, path.y, path.radius, np.cos(path.angle), np.sin(path.angle))
    centre_x, centre_y, radius, cos, sin = (np.asarray(column, np.float32)[:, None, None] for column in columns)
    x = x - centre_x
    x, y = _turned((x - np.round(x)) / radius, (y - centre_y) / radius, cos, sin)
    return np.clip(0.5 - DISTANCES[shape](x, y) * (radius * size), 0, 1)


def _rectangle(x, y, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _cross(x, y) -> np.ndarray:
    return np.minimum(_rectangle(x, y, 1.0, 0.18), _rectangle(x, y, 0.18, 1.0))


def _triangle(x, y) -> np.ndarray:
    return np.maximum(np.abs(x) * (3**0.5 / 2) + y * 0.5, -y) - 0.5


def _ring(x, y) -> np.ndarray:
    """With a gap, so that it is seen to spin."""
    return np.maximum(np.abs(np.hypot(x, y) - 0.8) - 0.2, np.minimum(0.35 - np.abs(x), y))


# Signed distance from the edge (< 0 inside) in radii.
DISTANCES = {
    "bar": partial(_rectangle, half_width=1.0, half_height=0.22),
    "cross": _cross,
    "triangle": _triangle,
    "ring": _ring,
}


def _colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """RGB of a ground and of a shape that is clearly lighter, each of any hue."""
    ground, paint = rng.uniform(0.3, 1, (2, 3)).astype(np.float32)
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    dark = rng.uniform(0.08, 0.3)
    return ground * (dark / (ground @ luma)), np.minimum(paint * (dark + rng.uniform(0.3, 0.5)) / (paint @ luma), 1)


def _with_stick(shade: np.ndarray, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ground's shade with one small stick that does not move, lighter or darker than the ground."""
    place_x, place_y, angle = map(float, rng.uniform((-0.5, -0.5, 0), (0.5, 0.5, math.pi)))
    half_length, half_width, tone = map(float, rng.uniform((0.03, 0.01, 0.5), (0.12, 0.03, 2.0)))
    along, across = _turned(x - place_x, y - place_y, math.cos(angle), math.sin(angle))
    cover = np.clip(0.5 - _rectangle(along, across, half_length, half_width) * shade.shape[-1], 0, 1)
    return shade + cover * (tone - shade)


def _turned(x, y, cos, sin) -> tuple[np.ndarray, np.ndarray]:
    return x * cos + y * sin, y * cos - x * sin
