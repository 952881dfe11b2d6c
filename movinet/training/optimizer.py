"""An optimizer over all weights as two vectors, with its schedule: the graph of a step stays small."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from movinet.training.settings import TrainSettings
    from movinet.training.team import Team


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
        self.vectors = [keras.Variable(as_vector(group), dtype="float32") for group in self.groups]
        self.averages = [keras.Variable(vector, dtype="float32") for vector in self.vectors] if average else []
        by_weight = dict(zip(map(id, weights), rates or (), strict=False))
        self.rates = [as_vector([tf.fill(w.shape, by_weight[id(w)]) for w in g]) for g in self.groups] if rates else []
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
            vector.assign(as_vector(group))
        if int(self.optimizer.iterations) == 0:
            for average, vector in zip(self.averages, self.vectors, strict=False):
                average.assign(vector)

    def settle(self) -> None:
        """Takes the weights as they are now for good, their average included: the training is over."""
        self.read()
        for average, vector in zip(self.averages, self.vectors, strict=False):
            average.assign(vector)

    def values(self) -> list[tf.Tensor]:
        """The vectors as they are now."""
        return [tf.identity(vector.value) for vector in self.vectors]

    def weights(self, values: Sequence[tf.Tensor]) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Each weight and what it is by these values of the vectors, as `keras.StatelessScope` takes them."""
        return [pair for vector, group in zip(values, self.groups, strict=True) for pair in parts(vector, group)]

    def minimize(self, loss: tf.Tensor, values: Sequence[tf.Tensor], tape: tf.GradientTape) -> None:
        """Updates the vectors against the gradients of the loss by their `values`; the weights wait for `write`."""
        scale = getattr(self.optimizer, "dynamic_scale", None)
        gradients: Any = tape.gradient(loss, values, output_gradients=None if scale is None else scale.value)
        gradients = self.team.mean(gradients) if self.team else gradients
        updates = self._updates()
        self.optimizer.apply(gradients, self.vectors)
        for vector, old, rate in zip(self.vectors, values, self.rates, strict=False):
            vector.assign(old + rate * (vector.value - old))
        self._average(self._updates() - updates)

    def write(self) -> None:
        """Gives the weights the numbers of the vectors."""
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
                self.write()

    def _write(self, vectors: Sequence[keras.Variable]) -> None:
        for vector, group in zip(vectors, self.groups, strict=True):
            write_vector(vector.value, group)


def new_optimizer(
    settings: TrainSettings,
    steps_per_epoch: int,
    weights: Sequence[keras.Variable],
    scale: Any = None,
    team: Team | None = None,
) -> VectorOptimizer:
    """The settings' optimizer with its schedule over all epochs.  scale: a variable, a factor on the learning rate."""
    rate = _learning_rate(
        settings, max(1, (settings.horizon or settings.epochs) * steps_per_epoch // settings.accumulate)
    )
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


def write_vector(vector: tf.Tensor, weights: Sequence[keras.Variable]) -> None:
    """Gives the weights the numbers of a vector, one after the other."""
    for weight, part in parts(vector, weights):
        weight.assign(part)


def parts(vector: tf.Tensor, weights: Sequence[keras.Variable]) -> list[tuple[keras.Variable, tf.Tensor]]:
    """Each weight and its numbers of a vector, one after the other."""
    split = tf.split(vector, [math.prod(w.shape) for w in weights])
    return [(weight, tf.reshape(part, weight.shape)) for weight, part in zip(weights, split, strict=True)]


def as_vector(tensors: Sequence[Any]) -> tf.Tensor:
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)
