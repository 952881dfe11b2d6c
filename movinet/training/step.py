"""The TensorFlow graphs of training: one step, one evaluation, and an optimizer whose graph is small.

With `Model.train_on_batch` a network of five layers took 7.5 s to its first step on one core, like this 1.5 s:
autograph rewrites nothing, there are no metric objects, and the optimizer works on two vectors instead of sixty
variables.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from movinet.training.settings import TrainSettings
    from movinet.training.team import Team

Step = Callable[[Any, Any], tuple[tf.Tensor, ...]]


class VectorOptimizer:
    """A Keras optimizer over all weights as two vectors: kernels, which decay, and the rest, which do not.

    Keras' rules work element by element and `global_clipnorm` over all gradients, so the updates are the same.
    rates: a factor on each weight's learning rate.  average: decay of an average of the weights over the updates; in
    the beginning it is lower, (1 + n) / (10 + n) after n updates, so that the first weights are forgotten.
    float16: the loss is scaled so that small gradients survive; an update whose gradients overflow is left out and the
    scale halved, and doubled after 2000 good ones.  team: whose gradients are averaged.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        weights: Sequence[keras.Variable],
        rates: Sequence[float] | None = None,
        average: float | None = None,
        float16: bool = False,
        team: Team | None = None,
    ):
        self.decay, self.team = average, team
        kinds = [w for w in weights if len(w.shape) > 1], [w for w in weights if len(w.shape) <= 1]
        self.groups = [group for group in kinds if group]
        self.vectors = [keras.Variable(_vector(group), dtype="float32") for group in self.groups]
        self.averages = [keras.Variable(vector, dtype="float32") for vector in self.vectors] if average else []
        by_weight = dict(zip(map(id, weights), rates or (), strict=False))
        self.rates = [_vector([tf.fill(w.shape, by_weight[id(w)]) for w in g]) for g in self.groups] if rates else []
        plain = [vector for vector, group in zip(self.vectors, self.groups, strict=True) if len(group[0].shape) <= 1]
        optimizer.exclude_from_weight_decay(var_list=plain)
        self.optimizer = keras.optimizers.LossScaleOptimizer(optimizer) if float16 else optimizer
        self.optimizer.build(self.vectors)

    @property
    def variables(self) -> list[keras.Variable]:
        """The optimizer's state, without the weights."""
        return [*self.optimizer.variables, *self.averages]

    def read(self) -> None:
        """Takes the weights as they are now: a checkpoint or somebody else may have set them."""
        for vector, group in zip(self.vectors, self.groups, strict=True):
            vector.assign(_vector(group))
        if int(self.optimizer.iterations) == 0:
            for average, vector in zip(self.averages, self.vectors, strict=False):
                average.assign(vector)

    def minimize(self, loss: tf.Tensor, tape: tf.GradientTape) -> None:
        """Updates the weights against the loss' gradients."""
        scale = getattr(self.optimizer, "dynamic_scale", None)
        weights = [[w.value for w in group] for group in self.groups]
        gradients: Any = tape.gradient(loss, weights, output_gradients=None if scale is None else scale.value)
        gradients = [_vector(group) for group in gradients]
        gradients = self.team.mean(gradients) if self.team else gradients
        before = [tf.identity(vector.value) for vector in self.vectors] if self.rates else []
        updates = self._updates()
        self.optimizer.apply(gradients, self.vectors)
        for vector, old, rate in zip(self.vectors, before, self.rates, strict=False):
            vector.assign(old + rate * (vector.value - old))
        self._average(self._updates() - updates)
        self._write(self.vectors)

    def _average(self, updated: tf.Tensor) -> None:
        """updated: 1 after an update, 0 where gradients were only gathered."""
        if self.decay is None:
            return
        count = self._updates()
        share = updated * (1 - tf.minimum(self.decay, (1 + count) / (10 + count)))
        for average, vector in zip(self.averages, self.vectors, strict=True):
            average.assign_add(share * (vector.value - average.value))

    def _updates(self) -> tf.Tensor:
        """How many there were, as a number of now."""
        iterations: Any = self.optimizer.iterations
        return tf.cast(iterations, tf.float32)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block the network has the averaged weights, if there are any."""
        if self.averages:
            self.read()
            self._write(self.averages)
        try:
            yield
        finally:
            if self.averages:
                self._write(self.vectors)

    def _write(self, vectors: Sequence[keras.Variable]) -> None:
        for vector, group in zip(vectors, self.groups, strict=True):
            _write(vector.value, group)


def new_optimizer(
    settings: TrainSettings,
    steps_per_epoch: int,
    weights: Sequence[keras.Variable],
    scale: Any = None,
    team: Team | None = None,
) -> VectorOptimizer:
    """The settings' optimizer with its schedule over all epochs.  scale: a variable, a factor on the learning rate."""
    rate = _learning_rate(settings, max(1, settings.epochs * steps_per_epoch // settings.accumulate))
    if settings.accumulate > 1 or scale is not None:
        rate = ByUpdates(rate, settings.accumulate, 1.0 if scale is None else scale)
    common: dict[str, Any] = {
        "learning_rate": rate,
        "weight_decay": settings.weight_decay or None,
        "global_clipnorm": settings.clip_norm,
        "gradient_accumulation_steps": settings.accumulate if settings.accumulate > 1 else None,
    }
    if settings.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(**{**common, "weight_decay": settings.weight_decay})
    elif settings.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, **common)
    else:
        optimizer = keras.optimizers.RMSprop(rho=0.9, momentum=0.9, epsilon=1.0, **common)
    rates = _layer_rates(weights, settings.layer_decay) if settings.layer_decay < 1 else None
    return VectorOptimizer(optimizer, weights, rates, settings.average, settings.precision == "mixed_float16", team)


class ByUpdates(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule over updates, where Keras counts gradients; times a variable, which may change in training."""

    def __init__(self, schedule: Any, accumulate: int, scale: Any):
        self.schedule, self.accumulate, self.scale = schedule, accumulate, scale

    def __call__(self, step: Any) -> Any:
        return self.schedule(step // self.accumulate) * self.scale


def _layer_rates(weights: Sequence[keras.Variable], decay: float) -> list[float]:
    """Of each weight, in the network's order: 1 in the last layer, `decay` times as much in each one before."""
    layers = list(dict.fromkeys(weight.path.split("/")[0] for weight in weights))
    return [decay ** (len(layers) - 1 - layers.index(weight.path.split("/")[0])) for weight in weights]


def _learning_rate(settings: TrainSettings, steps: int) -> Any:  # a Keras schedule
    warmup = round(settings.warmup * steps)
    rate = settings.learning_rate
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    first = rate / (warmup + 1)  # not 0, which would waste a step
    return keras.optimizers.schedules.CosineDecay(first, steps - warmup, warmup_target=rate, warmup_steps=warmup)


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
        hits = tf.reduce_mean(_hits(logits, wanted, 1))
        if team is None:
            return value, hits
        value, hits, *statistics = team.mean([value, hits, *([_vector(moving)] if moving else [])])
        if moving:
            _write(statistics[0], moving)
        return value, hits

    return step


def evaluation_step(model: keras.Model, loss: Loss) -> Step:
    """(clips, labels) -> plain loss, 1 where the likeliest class is right, 1 where one of the likeliest five is, each
    (B,), and the logits (B, classes)."""

    @tf.function(autograph=False, jit_compile=False)
    def step(clips, labels):
        logits = tf.cast(model(clips, training=False), tf.float32)
        wanted = loss.wanted(labels, logits.shape[-1])
        return loss(wanted, logits, smooth=False), _hits(logits, wanted, 1), _hits(logits, wanted, 5), logits

    return step


def random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of the model's random layers (dropout, stochastic depth)."""
    found = [g for layer in model._flatten_layers() for g in vars(layer).values()]
    return list({id(g): g.state for g in found if isinstance(g, keras.random.SeedGenerator)}.values())


def reseed(model: keras.Model, seed: int, epoch: int, rank: int = 0, go_on: bool = False) -> None:
    """Gives the model's random layers a state that depends on seed, epoch and the process' rank alone.

    go_on: the states go on counting from where they are.
    """
    rng = random.Random(f"{seed}/{epoch}/{rank}" if rank else f"{seed}/{epoch}")
    for state in random_states(model):
        state.assign([rng.getrandbits(31), int(state[1]) if go_on else 0])


def _hits(logits: tf.Tensor, wanted: tf.Tensor, count: int) -> tf.Tensor:
    """How much of what is wanted is among the likeliest `count` classes, at most 1; (B,)."""
    classes: Any = logits.shape[-1]
    best = tf.math.top_k(logits, min(count, classes)).indices
    return tf.minimum(tf.reduce_sum(tf.gather(wanted, best, batch_dims=1), 1), 1.0)


def _write(vector: tf.Tensor, weights: Sequence[keras.Variable]) -> None:
    """Gives the weights the numbers of a vector, one after the other."""
    parts = tf.split(vector, [math.prod(w.shape) for w in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.assign(tf.reshape(part, weight.shape))


def _vector(tensors: Sequence[Any]) -> tf.Tensor:
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)
