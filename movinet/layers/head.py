"""From features to logits: projection and pool, then two dense layers."""

from __future__ import annotations

import keras

from movinet.layers.backend import ops
from movinet.layers.conv import ConvBlock
from movinet.layers.pool import CUMULATIVE, Pool, spatial_mean


@keras.saving.register_keras_serializable(package="movinet")
class Head(keras.layers.Layer):
    """A 1x1x1 convolution and the average over the clip.

    pooling "3d" averages all frames so far; "2d" keeps the newest frame alone, for use frame by frame.
    Call arguments: clip (B, T, H, W, C); states, those of the pool, or None for a whole clip; pool, which frames of a
    stream count.  Returns (B, 1, 1, 1, filters), and the next states where states were given.
    """

    def __init__(
        self,
        filters: int,
        conv_type: str = "3d",
        activation: str = "swish",
        pooling: str = "3d",
        batch_norm_momentum: float = 0.99,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # a pool's states keep their precision
        self.filters, self.conv_type, self.activation, self.pooling = filters, conv_type, activation, pooling
        self.batch_norm_momentum = batch_norm_momentum
        self.project = ConvBlock(
            filters,
            conv_type=conv_type,
            activation=activation,
            batch_norm_momentum=batch_norm_momentum,
            name="project",
            dtype=self.dtype_policy,
        )

    def build(self, shape):
        self.project.build(shape)

    def call(self, clip, states=None, pool=CUMULATIVE, training=False):
        frames = spatial_mean(self.project(clip, training=training))
        if states is None:
            return ops.mean(frames, axis=1, keepdims=True) if self.pooling == "3d" else frames[:, -1:]
        means, later = pool.means(frames, states) if self.pooling == "3d" else (frames, {})
        return means[:, -1:], later

    def state_shapes(
        self, batch: int | None, height: int | None, width: int | None, pool: Pool = CUMULATIVE
    ) -> dict[str, tuple]:
        """Shapes of the states for `batch` streams, by name."""
        return pool.state_shapes(batch, self.filters) if self.pooling == "3d" else {}

    def compute_output_spec(self, clip, states=None, pool=CUMULATIVE, training=False):
        return keras.KerasTensor((clip.shape[0], 1, 1, 1, self.filters), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable(package="movinet")
class ClassifierHead(keras.layers.Layer):
    """Dense layer (no batch norm), dropout, classifier.

    Call arguments: x (B, 1, 1, 1, C).  Returns float32 logits (B, num_classes).
    """

    def __init__(
        self,
        filters: int,
        num_classes: int,
        conv_type: str = "3d",
        activation: str = "swish",
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.num_classes, self.conv_type = filters, num_classes, conv_type
        self.activation, self.dropout = activation, dropout
        form = {"conv_type": conv_type, "batch_norm_momentum": None, "dtype": self.dtype_policy}
        self.head = ConvBlock(filters, activation=activation, name="head", **form)
        self.classifier = ConvBlock(num_classes, kernel_stddev=0.01, name="classifier", **form)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy) if dropout else None

    def build(self, shape):
        self.head.build(shape)
        self.classifier.build((*shape[:-1], self.filters))

    def call(self, x, training=False):
        x = self.head(x)
        if self.drop is not None:
            x = self.drop(x, training=training)
        return ops.cast(ops.reshape(self.classifier(x), (-1, self.num_classes)), "float32")

    def compute_output_spec(self, x, training=False):
        return keras.KerasTensor((x.shape[0], self.num_classes), dtype="float32")
