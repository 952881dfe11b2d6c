"""The inverted bottleneck: expand, depthwise, operators such as squeeze-excite, project, and the skip around it."""

from __future__ import annotations

from typing import Any

import keras

from movinet.config.errors import InputError
from movinet.layers import forms
from movinet.layers.backend import ops
from movinet.layers.conv import ConvBlock
from movinet.layers.pool import CUMULATIVE, Pool
from movinet.operators import OPERATORS, Operator


@keras.saving.register_keras_serializable(package="movinet")
class Bottleneck(keras.layers.Layer):
    """One layer of a block.

    Call arguments: clip (B, T, H, W, C); states, a dict (stream_buffer, those of the pool, pos_enc_frame_count: what it
    needs), or None for a whole clip; pool, which frames of a stream count.  Returns (B, T, H', W', filters), and the
    next states where states were given.  The skip is ResNet-D's (3x3 average, 1x1x1 convolution) where the shape
    changes; the branch is scaled by ReZero's scalar and dropped per clip with probability `stochastic_depth`.  Where
    `batch_norm_momentum` is None, there are biases in place of batch norms and of ReZero's scalar (`deploy.fuse`).
    operators: by field of `LayerSpec`, what the layer holds of `movinet.operators`; None, as in files of before there
    were several, for a squeeze-excite.
    """

    def __init__(
        self,
        filters: int,
        expand_filters: int,
        kernel: tuple[int, int, int],
        stride: int = 1,
        causal: bool = False,
        conv_type: str = "3d",
        se_type: str = "3d",
        activation: str = "swish",
        gating_activation: str = "sigmoid",
        use_positional_encoding: bool = False,
        stochastic_depth: float = 0.0,
        batch_norm_momentum: float | None = 0.99,
        operators: dict[str, Any] | None = None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # a pool's states keep their precision
        self.filters, self.expand_filters, self.kernel, self.stride = filters, expand_filters, tuple(kernel), stride
        self.causal, self.conv_type, self.se_type = causal, conv_type, se_type
        self.activation, self.gating_activation = activation, gating_activation
        self.use_positional_encoding, self.stochastic_depth = use_positional_encoding, stochastic_depth
        self.batch_norm_momentum = batch_norm_momentum
        form = {"conv_type": conv_type, "batch_norm_momentum": batch_norm_momentum, "dtype": self.dtype_policy}
        self.expansion = ConvBlock(expand_filters, activation=activation, name="expansion", **form)
        self.feature = ConvBlock(
            expand_filters, kernel, stride, depthwise=True, causal=causal, activation=activation, name="feature", **form
        )
        chosen = {"squeeze_excite": True} if operators is None else operators
        if unknown := chosen.keys() - {operator.field for operator in OPERATORS}:
            allowed = ", ".join(operator.field for operator in OPERATORS)
            raise InputError(f"Bottleneck.operators: {min(unknown)!r} is not allowed; allowed: {allowed}")
        for operator in OPERATORS:
            setattr(self, operator.field, self._operator(operator, chosen.get(operator.field, operator.off)))
        self.projection = ConvBlock(filters, name="projection", **form)
        self.skip = ConvBlock(filters, name="skip_project", **form)
        self.random = keras.random.SeedGenerator() if stochastic_depth else None

    def _operator(self, operator: Operator, value: Any) -> Any:
        if value == operator.off:
            return None
        return operator.layer_class().within(value, self, name=operator.name, dtype=self.dtype_policy)

    def build(self, shape):
        inner = (*shape[:-1], self.expand_filters)
        self.expansion.build(shape)
        self.feature.build(inner)
        for _, layer in self.held():
            layer.build(inner)
        self.projection.build(inner)
        rezero = self.batch_norm_momentum is not None
        self.scale: Any = self.add_weight(shape=(), initializer="zeros", name="scale") if rezero else None
        self.has_skip = self.stride > 1 or shape[-1] != self.filters
        if self.has_skip:
            self.skip.build(shape)

    def call(self, clip, states=None, pool=CUMULATIVE, training=False):
        x = self.expansion(clip, training=training)
        later = {}
        if states is None:
            x = self.feature(x, training=training)
            for _, layer in self.held():
                x = layer(x, training=training)
        else:
            x, later = self.feature(x, states, training=training)
            for operator, layer in self.held():
                x, own = layer(x, operator.states_of(states), pool=pool, training=training)
                later |= operator.named(own)
        gain = None if self.scale is None else ops.convert_to_tensor(self.scale)
        x = self.projection(x, gain=gain, training=training)
        if training and self.stochastic_depth:
            x = x * self._kept(clip)
        x = x + self._skip(clip, training)
        return x if states is None else (x, later)

    def state_shapes(
        self, batch: int | None, height: int | None, width: int | None, pool: Pool = CUMULATIVE
    ) -> dict[str, tuple]:
        """Shapes of the states for `batch` streams of frames (height, width), by name."""
        shapes = self.feature.state_shapes(batch, height, width)
        behind = forms.strided(self.stride, height, width)
        for operator, layer in self.held():
            shapes |= operator.named(layer.state_shapes(batch, *behind, pool))
        return shapes

    def held(self) -> list[tuple[Operator, Any]]:
        """The operators that this layer has, with their Keras layers, in the order of a forward pass."""
        # No property of layers: Keras would name them by it in files, and not by the fields.
        found = [(operator, getattr(self, operator.field)) for operator in OPERATORS]
        return [(operator, layer) for operator, layer in found if layer is not None]

    def compute_output_spec(self, clip, states=None, pool=CUMULATIVE, training=False):
        return forms.symbolic(clip, self.filters, self.stride, self.compute_dtype)

    def _kept(self, clip):
        """(B, 1, 1, 1, 1): zero for the clips that skip this layer, so large for the others that the mean is one."""
        kept = 1.0 - self.stochastic_depth
        draw = keras.random.uniform((ops.shape(clip)[0], 1, 1, 1, 1), seed=self.random)
        return ops.cast(ops.floor(draw + kept) / kept, clip.dtype)

    def _skip(self, clip, training):
        if not self.has_skip:
            return clip
        return self.skip(forms.average_pool(clip) if self.stride > 1 else clip, training=training)
