"""What a network's outputs stand for: the labels of the clips, or the classes that these are made of."""

from __future__ import annotations

import numpy as np

from movinet.config.errors import InputError
from movinet.data.cache import FrameCache
from movinet.data.sources.clip_set import SEPARATOR
from movinet.training.settings import TrainSettings


def classes_of(cache: FrameCache, settings: TrainSettings) -> tuple[str, ...]:
    """The names of the network's outputs: the cache's labels or, with multi_label, what they are made of."""
    if not settings.multi_label:
        return cache.labels
    return tuple(sorted({part.strip() for label in cache.labels for part in label.split(SEPARATOR)}))


def members_of(cache: FrameCache, settings: TrainSettings) -> np.ndarray | None:
    """With multi_label (labels, classes) float32, 1 where the class belongs to the label; None without."""
    if not settings.multi_label:
        return None
    parts = [[part.strip() for part in label.split(SEPARATOR)] for label in cache.labels]
    return np.array([[name in each for name in classes_of(cache, settings)] for each in parts], np.float32)


def class_weights(cache: FrameCache, settings: TrainSettings) -> np.ndarray | None:
    """The settings' factors on the loss of each class, float32; InputError for a class that is not there."""
    classes = classes_of(cache, settings)
    if settings.class_weights is None:
        return None
    if settings.class_weights == "balanced":
        counts = np.bincount(cache.label_indices[cache.index("train")], minlength=len(cache.labels)).astype(np.float64)
        members = members_of(cache, settings)
        counts = np.maximum(counts if members is None else counts @ members, 1)
        return (counts.sum() / (len(classes) * counts)).astype(np.float32)
    for name, weight in settings.class_weights.items():
        if name not in classes:
            known = f"{', '.join(classes[:12])}{' ...' if len(classes) > 12 else ''}"
            raise InputError(f"train.class_weights.{name}={weight:g} is not allowed; allowed classes: {known}")
    return np.array([settings.class_weights.get(name, 1.0) for name in classes], np.float32)
