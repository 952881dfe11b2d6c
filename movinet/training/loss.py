"""The loss of clips with one class of several, or a yes or no for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Loss:
    """Cross-entropy of one class of several or, with `members`, of a yes or no for each class.

    members: (labels, classes), 1 where a class belongs to a label of the clips, None where labels are classes.
    class_weights: (classes,) factors, or None.
    """

    label_smoothing: float = 0.0
    members: np.ndarray | None = None
    class_weights: np.ndarray | None = None

    def wanted(self, labels: tf.Tensor, classes: int) -> tf.Tensor:
        """(B, classes), 0 to 1, of labels (B,) or of shares of labels (B, labels)."""
        if labels.dtype.is_integer:
            labels = tf.one_hot(labels, classes if self.members is None else len(self.members))
        return labels if self.members is None else labels @ self.members

    def __call__(self, wanted: tf.Tensor, logits: tf.Tensor, smooth: bool = True) -> tf.Tensor:
        """The loss of each clip (B,); wanted and logits (B, classes)."""
        keep = 1 - self.label_smoothing if smooth else 1.0
        weights = 1.0 if self.class_weights is None or not smooth else self.class_weights
        if self.members is not None:
            target = wanted * keep + (1 - keep) / 2
            return tf.reduce_mean(weights * tf.nn.sigmoid_cross_entropy_with_logits(target, logits), 1)
        classes: Any = logits.shape[-1]
        loss = tf.nn.softmax_cross_entropy_with_logits(wanted * keep + (1 - keep) / classes, logits)
        return loss if isinstance(weights, float) else loss * tf.linalg.matvec(wanted, weights)


def hits_among(logits: tf.Tensor, wanted: tf.Tensor, count: int) -> tf.Tensor:
    """How much of what is wanted is among the likeliest `count` classes, at most 1; (B,)."""
    classes: Any = logits.shape[-1]
    best = tf.math.top_k(logits, min(count, classes)).indices
    return tf.minimum(tf.reduce_sum(tf.gather(wanted, best, batch_dims=1), 1), 1.0)
