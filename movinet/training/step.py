"""The TensorFlow graphs of training: one step, one evaluation, and an optimizer whose graph is small.

With `Model.train_on_batch` a network of five layers took 7.5 s to its first step on one core, like this 1.5 s:
autograph rewrites nothing, there are no metric objects, and the optimizer works on two vectors instead of sixty
variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from movinet.training.loss import Loss, hits_among
from movinet.training.optimizer import VectorOptimizer, as_vector, parts, write_vector
from movinet.training.randomness import random_states

State = tuple[list[Any], list[Any]]  # tensors
Step = Callable[[Any, Any], tuple[tf.Tensor, ...]]


class TrainingSteps:
    """(clips (K, B, T, H, W, 3), labels (K, B) or shares (K, B, labels)) -> mean loss and accuracy of each of K batches
    before its update, (K, 2).

    The network's variables are read before the first step and written after the last; between, all that changes goes
    from step to step as a few vectors, so that a small network's step is not mostly reads, writes and calls.  Eight
    calls of one step and one of eight give the same bits.
    looped: one graph for any K; otherwise K is 1.
    In a team each process normalises its share of a batch by that share's statistics; the moving ones are averaged.
    """

    def __init__(self, model: keras.Model, optimizer: VectorOptimizer, loss: Loss, looped: bool):
        self.model, self.optimizer, self.loss = model, optimizer, loss
        endings = ("/moving_mean", "/moving_variance")
        self.moving = [w for w in model.non_trainable_variables if w.path.endswith(endings)]
        self.random = random_states(model)
        self.looped, self._function = looped, None

    def __call__(self, clips: np.ndarray, labels: np.ndarray) -> tf.Tensor:
        if self._function is None:
            shapes = [(None if self.looped else 1, *each.shape[1:]) for each in (clips, labels)]
            signature = [tf.TensorSpec(shape, each.dtype) for shape, each in zip(shapes, (clips, labels), strict=True)]
            run = self._loop if self.looped else self._single
            self._function = tf.function(run, signature, autograph=False, jit_compile=False)
        return self._function(clips, labels)

    def _single(self, clips: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        result, state = self._step(clips[0], labels[0], self._state())
        self._write(state)
        return result[None]

    def _loop(self, clips: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        count = tf.shape(clips)[0]

        def body(number, results, state):
            result, state = self._step(clips[number], labels[number], state)
            return number + 1, results.write(number, result), state

        results = tf.TensorArray(tf.float32, count, element_shape=(2,))
        start = (tf.constant(0), results, self._state())
        _, results, state = tf.while_loop(lambda number, *_: number < count, body, start, parallel_iterations=1)
        self._write(state)
        return results.stack()

    def _state(self) -> State:
        """What a step changes beside the optimizer's vectors: the moving statistics, and the random layers' states."""
        return [as_vector(self.moving)] if self.moving else [], [tf.identity(state.value) for state in self.random]

    def _write(self, state: State) -> None:
        statistics, random = state
        self.optimizer.write()
        for vector in statistics:
            write_vector(vector, self.moving)
        for variable, value in zip(self.random, random, strict=True):
            variable.assign(value)

    def _step(self, clips: tf.Tensor, labels: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """Loss and accuracy (2,), and the next state; updates the optimizer's vectors."""
        (statistics, random), values, team = state, self.optimizer.values(), self.optimizer.team
        with tf.GradientTape() as tape:
            tape.watch(values)
            pairs = [*self.optimizer.weights(values), *zip(self.random, random, strict=True)]
            pairs += [pair for vector in statistics for pair in parts(vector, self.moving)]
            with keras.StatelessScope(pairs, initialize_variables=False) as scope:
                logits = tf.cast(self.model(clips, training=True), tf.float32)
            wanted = self.loss.wanted(labels, logits.shape[-1])
            value = tf.reduce_mean(self.loss(wanted, logits))
        self.optimizer.minimize(value, values, tape)
        result: Any = tf.stack([value, tf.reduce_mean(hits_among(logits, wanted, 1))])
        if statistics:
            statistics = [as_vector([scope.get_current_value(each) for each in self.moving])]
        if team is not None:
            result, *statistics = team.mean([result, *statistics])
        return result, (statistics, [scope.get_current_value(each) for each in self.random])


def evaluation_step(model: keras.Model, loss: Loss) -> Step:
    """(clips, labels) -> plain loss, 1 where the likeliest class is right, 1 where one of the likeliest five is, each
    (B,), and the logits (B, classes)."""

    @tf.function(autograph=False, jit_compile=False)
    def step(clips, labels):
        logits = tf.cast(model(clips, training=False), tf.float32)
        wanted = loss.wanted(labels, logits.shape[-1])
        return loss(wanted, logits, smooth=False), hits_among(logits, wanted, 1), hits_among(logits, wanted, 5), logits

    return step
