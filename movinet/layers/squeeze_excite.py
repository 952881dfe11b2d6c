"""Squeeze-excite over a clip, over the clip so far, or over each frame."""

from __future__ import annotations

import keras

from movinet.layers.backend import ops
from movinet.layers.conv import ConvBlock
from movinet.layers.operator import OperatorLayer
from movinet.layers.pool import CUMULATIVE, Pool, cumulative_mean, spatial_mean
from movinet.layers.positional_encoding import PositionalEncoding
from movinet.operators import SQUEEZE_RATIO, squeezed_filters
from movinet.spec import make_divisible


@keras.saving.register_keras_serializable(package="movinet")
class SqueezeExcite(OperatorLayer):
    """Scales the channels of a clip by what its average shows.

    se_type "3d" averages the clip (causal: the clip so far), "2d" each frame, "2plus3d" takes both side by side.
    Call arguments: clip (B, T, H, W, C); states (those of the pool, pos_enc_frame_count), or None for a whole clip;
    pool, which frames of a stream count.  Returns the clip, and the next states where states were given.
    Source: arXiv:2103.11511, 3.2.
    """

    def __init__(
        self,
        hidden_filters: int,
        se_type: str = "3d",
        causal: bool = False,
        conv_type: str = "3d",
        activation: str = "swish",
        gating_activation: str = "sigmoid",
        use_positional_encoding: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_filters, self.se_type, self.causal, self.conv_type = hidden_filters, se_type, causal, conv_type
        self.activation, self.gating_activation = activation, gating_activation
        self.use_positional_encoding = use_positional_encoding

    @classmethod
    def within(cls, value, bottleneck, **settings):
        if bottleneck.se_type == "none":
            return None
        return cls(
            make_divisible(SQUEEZE_RATIO * squeezed_filters(bottleneck.expand_filters, bottleneck.se_type)),
            bottleneck.se_type,
            bottleneck.causal,
            bottleneck.conv_type,
            bottleneck.activation,
            bottleneck.gating_activation,
            bottleneck.use_positional_encoding,
            **settings,
        )

    def build(self, shape):
        form = {"conv_type": self.conv_type, "batch_norm_momentum": None, "dtype": self.dtype_policy}
        pooled = squeezed_filters(shape[-1], self.se_type)
        self.position = (
            PositionalEncoding(name="position", dtype=self.dtype_policy) if self.use_positional_encoding else None
        )
        if self.position is not None:
            self.position.build((None, None, 1, 1, pooled))
        self.reduce = ConvBlock(self.hidden_filters, activation=self.activation, name="se_reduce", **form)
        self.reduce.build((None, None, 1, 1, pooled))
        self.expand = ConvBlock(shape[-1], activation=self.gating_activation, name="se_expand", **form)
        self.expand.build((None, None, 1, 1, self.hidden_filters))

    def call(self, clip, states=None, pool=CUMULATIVE, training=False):
        gate, later = self._squeeze(clip, states, pool)
        if self.position is not None:
            count = states["pos_enc_frame_count"] if states is not None else None
            gate = self.position(gate, count)
            later["pos_enc_frame_count"] = (0 if count is None else count) + ops.shape(clip)[1]
        clip = clip * self.expand(self.reduce(gate))
        return clip if states is None else (clip, later)

    def state_shapes(
        self, batch: int | None, height: int | None, width: int | None, pool: Pool = CUMULATIVE
    ) -> dict[str, tuple]:
        shapes = {} if self.se_type == "2d" else pool.state_shapes(batch, self.expand.filters)
        return {**shapes, **({"pos_enc_frame_count": (1,)} if self.position is not None else {})}

    def frames(self, graph, x, states):
        frames, later = graph.spatial_mean(x), {}
        gate = frames
        if self.se_type != "2d":
            gate, later = graph.pooled(frames, states, self.causal)
        if self.se_type == "2plus3d":
            gate = graph.joined(gate, frames)
        if self.position is not None:
            gate, counted = graph.positioned(self.position, gate, states)
            later |= counted
        hidden, _ = graph.conv(self.reduce, gate)
        return x * graph.conv(self.expand, hidden)[0], later

    def parts(self):
        return self.reduce, self.expand

    def _squeeze(self, clip, states, pool):
        """(B, T or 1, 1, 1, C or 2C), and the next states of the pool."""
        frames = spatial_mean(clip)
        if self.se_type == "2d":
            return frames, {}
        later = {}
        if states is not None:
            means, later = pool.means(frames, states)
        else:
            means = cumulative_mean(frames) if self.causal else ops.mean(frames, axis=1, keepdims=True)
        if self.se_type == "3d":
            return means, later
        if not self.causal:
            means = ops.broadcast_to(means, ops.shape(frames))
        return ops.concatenate([means, frames], axis=-1), later
