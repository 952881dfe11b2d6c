"""Where a plot's labels go so that they cover neither each other nor what is drawn.  Lengths in any one unit, y up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

DIRECTIONS = (90, 135, 45, 180, 0, 270, 225, 315)  # degrees, the most readable first
STEPS = (1.0, 1.8, 3.0, 4.5)  # distances to try, in multiples of the gap


class Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Box) -> float:
        """The area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    obstacles: Sequence[Box],
    frame: Box,
    gap: float,
) -> list[Box | None]:
    """A box per labelled point, in the order given: earlier labels have the first choice.

    A label takes the place within the frame that covers least of the obstacles, the nearest among equals, and never
    part of another label; None when there is no such place.
    """
    placed: list[Box] = []
    result: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        places = [box for box in _places(point, size, gap) if not _blocked(box, placed, frame)]
        covered = [sum(box.overlap(obstacle) for obstacle in obstacles) for box in places]
        best = places[covered.index(min(covered))] if places else None
        result.append(best)
        if best:
            placed.append(best)
    return result


def _places(point: tuple[float, float], size: tuple[float, float], gap: float):
    width, height = size
    for step in STEPS:
        for direction in DIRECTIONS:
            across, up = math.cos(math.radians(direction)), math.sin(math.radians(direction))
            x = point[0] + across * (step * gap + width / 2)
            y = point[1] + up * (step * gap + height / 2)
            yield Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _blocked(box: Box, placed: Sequence[Box], frame: Box) -> bool:
    inside = box.left >= frame.left and box.right <= frame.right and box.bottom >= frame.bottom and box.top <= frame.top
    return not inside or any(box.overlap(other) for other in placed)
