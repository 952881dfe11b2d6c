"""Cuts a clip from frames, resizes and varies it: two passes of small matrix products, one over rows, one over columns.

Crop and an antialiased bilinear filter are in both matrices, mirror, channel order and gain in the second one; that is
exact, needs one thread, and costs less than a millisecond per small clip.  A filter reaches a few pixels only, so the
matrices are used in bands, and what is zero in them is not multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from movinet.data.batching.augment import Draw

ROWS, COLUMNS = 16, 8  # of a band: the fastest of 4 to 56 with OpenBLAS, 140 x 187 pixels to 112 x 112

Band = tuple[slice, slice, np.ndarray]


def cut(frames: np.ndarray, moments: np.ndarray, variation: Draw, out: np.ndarray) -> None:
    """Writes the clip of `frames` (uint8, (N, H, W, 3)) at `moments`, varied, into `out`.

    out: (T, S, S, 3) float32, contiguous.
    """
    count, size = out.shape[:2]
    top, left, height, width = variation.box
    first_row, rows = resize_matrix(size, top, height, frames.shape[1])
    first_column, columns = resize_matrix(size, left, width, frames.shape[2])
    columns = columns[::-1] if variation.flip else columns
    height, width = rows.shape[1], columns.shape[1]
    part = np.empty((count, height, width, 3), np.float32)
    for place, moment in enumerate(moments):
        part[place] = frames[moment, first_row : first_row + height, first_column : first_column + width]
    part, low = part.reshape(count, height, 3 * width), np.empty((count, size, 3 * width), np.float32)
    for made, used, weights in _bands(rows, ROWS):
        np.matmul(weights, part[:, used], out=low[:, made])
    low, small = low.reshape(-1, 3 * width), out.reshape(-1, 3 * size)  # a row of the frames, red, green, blue, red ...
    colours = np.zeros((3, 3), np.float32)  # what each channel gives to red, green, blue
    colours[list(variation.channels), range(3)] = np.multiply(variation.gain, variation.contrast / 255)
    for made, used, weights in _bands(columns, COLUMNS):
        both = (weights.T[:, None, :, None] * colours[:, None, :]).reshape(3 * weights.shape[1], 3 * len(weights))
        np.matmul(low[:, _pixels(used)], both, out=small[:, _pixels(made)])
    shift = variation.brightness
    if variation.contrast != 1.0:  # about the clip's mean
        shift += float(out.mean()) * (1 / variation.contrast - 1)
    if shift:
        out += np.float32(shift)


def resize_matrix(size: int, start: float, length: float, available: int) -> tuple[int, np.ndarray]:
    """Bilinear weights (size, n) that make `size` pixels of `length` ones from `start` on; and the first of the n used.

    When shrinking, the filter widens with the factor, so that nothing is skipped (no aliasing).  Rows sum to 1.
    """
    scale = length / size
    reach = max(scale, 1.0)
    centres = start + (np.arange(size) + 0.5) * scale
    low = max(0, int(centres[0] - reach))
    high = min(available, int(centres[-1] + reach) + 1)
    weights = (np.arange(low, high) + 0.5 - centres[:, None]).astype(np.float32)  # distances, of which small ones count
    np.abs(weights, out=weights)
    np.maximum(0, 1 - weights / np.float32(reach), out=weights)
    return low, weights / weights.sum(1, keepdims=True)


def _bands(matrix: np.ndarray, size: int) -> Iterator[Band]:
    """Parts of a resize matrix, which is zero elsewhere: the pixels that each makes, those it uses, and its weights."""
    used = matrix > 0
    starts = np.arange(0, len(matrix), size)
    lows = np.minimum.reduceat(used.argmax(1), starts)
    highs = np.maximum.reduceat(matrix.shape[1] - used[:, ::-1].argmax(1), starts)
    for start, low, high in zip(starts.tolist(), lows.tolist(), highs.tolist(), strict=True):
        made = slice(start, min(start + size, len(matrix)))
        yield made, slice(low, high), matrix[made, low:high]


def _pixels(pixels: slice) -> slice:
    """The numbers of these pixels in a row of frames."""
    return slice(3 * pixels.start, 3 * pixels.stop)
