"""How good predictions are, from scores and what is wanted: NumPy only.

scores: (N, classes), logits or probabilities;  labels: (N,) integers;  wanted: (N, classes), 1 for each right class.
"""

from __future__ import annotations

import numpy as np


def top_k_accuracy(scores: np.ndarray, wanted: np.ndarray, k: int) -> float:
    """The share of clips of whose right classes one is among the `k` of highest score."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((np.take_along_axis(wanted, best, 1).max(1) > 0).mean())


def average_precisions(scores: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Of each class (classes,): the mean precision at each of its clips, in the order of falling score; NaN without."""
    found = np.take_along_axis(wanted, np.argsort(-scores, axis=0, kind="stable"), 0) > 0
    precision = np.cumsum(found, 0) / np.arange(1, len(scores) + 1)[:, None]
    with np.errstate(invalid="ignore"):
        return (precision * found).sum(0) / found.sum(0)


def mean_average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    """Over the classes that occur."""
    return float(np.nanmean(average_precisions(scores, wanted)))


def confusion_matrix(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """How many clips of the row's class were taken for the column's, (classes, classes)."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def calibration(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> tuple[float, np.ndarray]:
    """Expected calibration error (arXiv:1706.04599), and per bin of confidence (clips, mean confidence, accuracy)."""
    confidence, hits = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, values, bins) / counts for values in (confidence, hits)]
    gaps = np.nan_to_num(np.abs(means[0] - means[1]))
    return float((gaps * counts).sum() / len(labels)), np.stack([counts, *means], 1)
