"""How a frame is turned or mirrored before it is shown, as its container's display matrix says."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Orientation:
    """turned: rows and columns change places, first;  across, down: then left and right, top and bottom do."""

    turned: bool = False
    across: bool = False
    down: bool = False

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The image (H, W, 3) as it is shown; a view."""
        image = image.transpose(1, 0, 2) if self.turned else image
        return image[:: -1 if self.down else 1, :: -1 if self.across else 1]


def orientation(frame: Any) -> Orientation:
    """Of a decoded frame; turns that are no quarters go to the nearest."""
    matrix = next((data for data in frame.side_data.keys() if data.type.name == "DISPLAYMATRIX"), None)  # noqa: SIM118
    if matrix is None:
        return Orientation()
    a, b, _, c, d = struct.unpack("9i", bytes(matrix))[:5]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
