"""The TensorFlow graphs of training: one step, one evaluation, and an optimizer whose graph is small.

With `Model.train_on_batch` a network of five layers took 7.5 s to its first step on one core, like this 1.5 s:
autograph rewrites nothing, there are no metric objects, and the optimizer works on two vectors instead of sixty
variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from movinet.training.loss import Loss, hits_among
from movinet.training.optimizer import VectorOptimizer, as_vector, write_vector

if TYPE_CHECKING:
    pass

Step = Callable[[Any, Any], tuple[tf.Tensor, ...]]


def training_step(model: keras.Model, optimizer: VectorOptimizer, loss: Loss) -> Step:
    """(clips (B, T, H, W, 3), labels (B,) or shares (B, labels)) -> mean loss and accuracy before its update.

    In a team each process normalises its share of a batch by that share's statistics; the moving ones are averaged.
    """
    team = optimizer.team
    moving = [w for w in model.non_trainable_variables if w.path.endswith(("/moving_mean", "/moving_variance"))]

    @tf.function(autograph=False, jit_compile=False)
    def step(clips, labels):
        with tf.GradientTape() as tape:
            logits = tf.cast(model(clips, training=True), tf.float32)
            wanted = loss.wanted(labels, logits.shape[-1])
            value = tf.reduce_mean(loss(wanted, logits))
        optimizer.minimize(value, tape)
        hits = tf.reduce_mean(hits_among(logits, wanted, 1))
        if team is None:
            return value, hits
        value, hits, *statistics = team.mean([value, hits, *([as_vector(moving)] if moving else [])])
        if moving:
            write_vector(statistics[0], moving)
        return value, hits

    return step


def evaluation_step(model: keras.Model, loss: Loss) -> Step:
    """(clips, labels) -> plain loss, 1 where the likeliest class is right, 1 where one of the likeliest five is, each
    (B,), and the logits (B, classes)."""

    @tf.function(autograph=False, jit_compile=False)
    def step(clips, labels):
        logits = tf.cast(model(clips, training=False), tf.float32)
        wanted = loss.wanted(labels, logits.shape[-1])
        return loss(wanted, logits, smooth=False), hits_among(logits, wanted, 1), hits_among(logits, wanted, 5), logits

    return step
