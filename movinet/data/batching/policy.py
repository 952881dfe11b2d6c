"""Stronger variation of training clips: RandAugment (arXiv:1909.13719) and AutoAugment's policy v0 (arXiv:1805.09501).

Every operation takes a clip (T, H, W, 3) float32 in [0, 1] and a level of 0 to 10, and does the same to all frames:
histograms are the whole clip's, so that nothing flickers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Operation = Callable[[np.ndarray, float], np.ndarray]
GREY = np.array([0.299, 0.587, 0.114], np.float32)
FILL = np.float32(0.5)


def rand_augment(clip: np.ndarray, operations: int, level: float, rng: np.random.Generator) -> np.ndarray:
    """`operations` of all operations, one after the other, each at `level` and to either side."""
    for name in rng.choice(list(OPERATIONS), operations):
        clip = OPERATIONS[name](clip, level if rng.random() < 0.5 or name not in SIDED else -level)
    return clip


def auto_augment(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the 25 pairs of policy v0; each of its operations with its own probability."""
    for name, probability, level in POLICY_V0[int(rng.integers(len(POLICY_V0)))]:
        side = -1 if name in SIDED and rng.random() < 0.5 else 1
        if rng.random() < probability:
            clip = OPERATIONS[name](clip, side * level)
    return clip


def _moved(clip: np.ndarray, matrix: tuple[tuple[float, float], tuple[float, float]], by=(0.0, 0.0)) -> np.ndarray:
    """The pixel at (y, x) from the middle is the nearest to matrix @ (y, x) + by; grey where there is none."""
    height, width = clip.shape[1:3]
    y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    rows = np.rint(matrix[0][0] * y + matrix[0][1] * x + by[0] + (height - 1) / 2).astype(np.intp)
    columns = np.rint(matrix[1][0] * y + matrix[1][1] * x + by[1] + (width - 1) / 2).astype(np.intp)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    moved = clip[:, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    moved[:, ~inside] = FILL
    return moved


def _rotate(clip: np.ndarray, level: float) -> np.ndarray:
    angle = np.deg2rad(30 * level / 10)
    return _moved(clip, ((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))


def _shear_x(clip: np.ndarray, level: float) -> np.ndarray:
    return _moved(clip, ((1, 0), (0.3 * level / 10, 1)))


def _shear_y(clip: np.ndarray, level: float) -> np.ndarray:
    return _moved(clip, ((1, 0.3 * level / 10), (0, 1)))


def _translate_x(clip: np.ndarray, level: float) -> np.ndarray:
    return _moved(clip, ((1, 0), (0, 1)), (0, 0.45 * level / 10 * clip.shape[2]))


def _translate_y(clip: np.ndarray, level: float) -> np.ndarray:
    return _moved(clip, ((1, 0), (0, 1)), (0.45 * level / 10 * clip.shape[1], 0))


def _blend(clip: np.ndarray, plain: np.ndarray | np.float32, level: float) -> np.ndarray:
    """Between `plain` (0.1 of the clip at level 0) and beyond the clip (1.9 at level 10)."""
    factor = np.float32(0.1 + 1.8 * level / 10)
    return np.clip(plain + factor * (clip - plain), 0, 1)


def _color(clip: np.ndarray, level: float) -> np.ndarray:
    return _blend(clip, (clip @ GREY)[..., None], level)


def _contrast(clip: np.ndarray, level: float) -> np.ndarray:
    return _blend(clip, np.float32((clip @ GREY).mean()), level)


def _brightness(clip: np.ndarray, level: float) -> np.ndarray:
    return _blend(clip, np.float32(0), level)


def _sharpness(clip: np.ndarray, level: float) -> np.ndarray:
    smooth = clip.copy()
    weights = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
    height, width = clip.shape[1:3]
    smooth[:, 1:-1, 1:-1] = sum(
        weights[i, j] * clip[:, i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3)
    )
    return _blend(clip, smooth, level)


def _solarize(clip: np.ndarray, level: float) -> np.ndarray:
    return np.where(clip < level / 10 * 256 / 255, clip, 1 - clip)


def _solarize_add(clip: np.ndarray, level: float) -> np.ndarray:
    return np.where(clip < 128 / 255, np.clip(clip + np.float32(11 * level / 255), 0, 1), clip)


def _posterize(clip: np.ndarray, level: float) -> np.ndarray:
    unit = np.float32(2 ** (8 - max(1, int(level / 10 * 4))))  # no bit at all would leave black
    return np.floor(np.rint(clip * np.float32(255)) / unit) * unit / np.float32(255)


def _autocontrast(clip: np.ndarray, _level: float) -> np.ndarray:
    low, high = clip.min((0, 1, 2)), clip.max((0, 1, 2))
    span = np.where(high > low, high - low, np.float32(1))
    return np.where(high > low, (clip - low) / span, clip)


def _equalize(clip: np.ndarray, _level: float) -> np.ndarray:
    levels = np.rint(clip * 255).astype(np.uint8)
    equal = np.empty_like(clip)
    for channel in range(3):
        counts = np.bincount(levels[..., channel].ravel(), minlength=256)
        below = np.cumsum(counts) - counts
        span = counts.sum() - counts[np.flatnonzero(counts)[-1]]
        table = np.minimum(below / span, 1) if span else np.arange(256) / 255
        equal[..., channel] = table.astype(np.float32)[levels[..., channel]]
    return equal


def _invert(clip: np.ndarray, _level: float) -> np.ndarray:
    return 1 - clip


OPERATIONS: dict[str, Operation] = {
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "invert": _invert,
    "rotate": _rotate,
    "posterize": _posterize,
    "solarize": _solarize,
    "solarize_add": _solarize_add,
    "color": _color,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
}
SIDED = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
_PAIRS = """
equalize 0.8 1 shear_y 0.8 4, color 0.4 9 equalize 0.6 3, color 0.4 1 rotate 0.6 8, solarize 0.8 3 equalize 0.4 7,
solarize 0.4 2 solarize 0.6 2, color 0.2 0 equalize 0.8 8, equalize 0.4 8 solarize_add 0.8 3, shear_x 0.2 9 rotate 0.6
8, color 0.6 1 equalize 1 2, invert 0.4 9 rotate 0.6 0, equalize 1 9 shear_y 0.6 3, color 0.4 7 equalize 0.6 0,
posterize 0.4 6 autocontrast 0.4 7, solarize 0.6 8 color 0.6 9, solarize 0.2 4 rotate 0.8 9, rotate 1 7 translate_y
0.8 9, shear_x 0 0 solarize 0.8 4, shear_y 0.8 0 color 0.6 4, color 1 0 rotate 0.6 2, equalize 0.8 4 equalize 0 8,
equalize 1 4 autocontrast 0.6 2, shear_y 0.4 7 solarize_add 0.6 7, posterize 0.8 2 solarize 0.6 10, solarize 0.6 8
equalize 0.6 1, color 0.8 6 rotate 0.4 5
"""  # operation, probability, level, twice (arXiv:1805.09501, table of the ImageNet policy as released)
POLICY_V0 = [
    [(name, float(p), float(level)) for name, p, level in zip(*[iter(pair.split())] * 3, strict=True)]
    for pair in _PAIRS.split(",")
]
