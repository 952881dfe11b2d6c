"""The TensorFlow graphs of training: one step, one evaluation, and an optimizer whose graph is small.

With `Model.train_on_batch` a network of five layers took 7.5 s to its first step on one core, like this 1.5 s:
autograph rewrites nothing, there are no metric objects, and the optimizer works on two vectors instead of sixty
variables.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from movinet.train import TrainSettings

Step = Callable[[Any, Any], tuple[tf.Tensor, tf.Tensor]]


class VectorOptimizer:
    """A Keras optimizer over all weights as two vectors: kernels, which decay, and the rest, which do not.

    Keras' rules work element by element and `global_clipnorm` over all gradients, so the updates are the same.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable]):
        self.optimizer = optimizer
        self.groups = [[w for w in weights if len(w.shape) > 1], [w for w in weights if len(w.shape) <= 1]]
        self.vectors = [keras.Variable(_vector(group), dtype="float32") for group in self.groups]
        optimizer.exclude_from_weight_decay(var_list=self.vectors[1:])
        optimizer.build(self.vectors)

    @property
    def variables(self) -> list[keras.Variable]:
        """The optimizer's state, without the weights."""
        return self.optimizer.variables

    def read(self) -> None:
        """Takes the weights as they are now: a checkpoint or somebody else may have set them."""
        for vector, group in zip(self.vectors, self.groups, strict=True):
            vector.assign(_vector(group))

    def minimize(self, loss: tf.Tensor, tape: tf.GradientTape) -> None:
        """Updates the weights against the loss' gradients."""
        gradients: Any = tape.gradient(loss, [[w.value for w in group] for group in self.groups])
        self.optimizer.apply([_vector(group) for group in gradients], self.vectors)
        for vector, group in zip(self.vectors, self.groups, strict=True):
            parts = tf.split(vector.value, [math.prod(w.shape) for w in group])
            for weight, part in zip(group, parts, strict=True):
                weight.assign(tf.reshape(part, weight.shape))


def new_optimizer(settings: TrainSettings, steps_per_epoch: int, weights: Sequence[keras.Variable]) -> VectorOptimizer:
    """The settings' optimizer with its schedule over all epochs."""
    rate = _learning_rate(settings, settings.epochs * steps_per_epoch)
    common: dict[str, Any] = {"weight_decay": settings.weight_decay or None, "global_clipnorm": settings.clip_norm}
    if settings.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, **{**common, "weight_decay": settings.weight_decay})
    elif settings.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **common)
    else:
        optimizer = keras.optimizers.RMSprop(rate, rho=0.9, momentum=0.9, epsilon=1.0, **common)
    return VectorOptimizer(optimizer, weights)


def _learning_rate(settings: TrainSettings, steps: int) -> Any:  # a Keras schedule
    warmup = round(settings.warmup * steps)
    rate = settings.learning_rate
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    first = rate / (warmup + 1)  # not 0, which would waste a step
    return keras.optimizers.schedules.CosineDecay(first, steps - warmup, warmup_target=rate, warmup_steps=warmup)


def training_step(model: keras.Model, optimizer: VectorOptimizer, label_smoothing: float) -> Step:
    """(clips (B, T, H, W, 3), labels (B,)) -> mean loss and accuracy before the update that it makes."""

    @tf.function(autograph=False, jit_compile=False)
    def step(clips, labels):
        with tf.GradientTape() as tape:
            logits = tf.cast(model(clips, training=True), tf.float32)
            wanted = tf.one_hot(labels, logits.shape[-1], 1 - label_smoothing, 0.0) + label_smoothing / logits.shape[-1]
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
        optimizer.minimize(loss, tape)
        return loss, tf.reduce_mean(_hits(logits, labels))

    return step


def evaluation_step(model: keras.Model) -> Step:
    """(clips, labels) -> cross-entropy (B,) and 1 for each right answer, 0 for a wrong one (B,)."""

    @tf.function(autograph=False, jit_compile=False)
    def step(clips, labels):
        logits = tf.cast(model(clips, training=False), tf.float32)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), _hits(logits, labels)

    return step


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Gives the model's random layers (dropout, stochastic depth) a state that depends on seed and epoch alone."""
    rng = random.Random(f"{seed}/{epoch}")
    for layer in model._flatten_layers():
        for generator in {id(g): g for g in vars(layer).values() if isinstance(g, keras.random.SeedGenerator)}.values():
            generator.state.assign([rng.getrandbits(31), 0])


def _hits(logits: tf.Tensor, labels: Any) -> tf.Tensor:
    return tf.cast(tf.argmax(logits, -1, labels.dtype) == labels, tf.float32)


def _vector(tensors: Sequence[Any]) -> tf.Tensor:
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)
