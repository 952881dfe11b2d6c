"""What a bottleneck asks of the operators that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import keras

from movinet.layers.pool import CUMULATIVE, Pool

if TYPE_CHECKING:
    from movinet.layers.bottleneck import Bottleneck
    from movinet.layers.conv import ConvBlock


class OperatorLayer(keras.layers.Layer):
    """An operator (`movinet.operators`) within one bottleneck.

    Call arguments: clip (B, T, H, W, C); states, of `state_shapes`, or None for a whole clip; pool, which frames of a
    stream count.  Returns a clip of the same shape, and the next states where states were given.  Its weights are
    those of `ConvBlock`s and scalars called "scale", so that files of weights can name them.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)  # states keep their precision

    @classmethod
    def within(cls, value: Any, bottleneck: Bottleneck, **settings: Any) -> Self | None:
        """The operator of a bottleneck whose field has this value; None where the bottleneck's settings switch it off.

        settings: name and dtype.
        """
        raise NotImplementedError

    def call(self, clip, states=None, pool=CUMULATIVE, training=False):
        raise NotImplementedError

    def state_shapes(
        self, batch: int | None, height: int | None, width: int | None, pool: Pool = CUMULATIVE
    ) -> dict[str, tuple]:
        """Shapes of the states for `batch` streams of frames (height, width), by name."""
        return {}

    def frames(self, graph: Any, x: Any, states: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        """The same in a `movinet.deploy.graph.FrameGraph`: (T, H, W, C) and the next states."""
        raise NotImplementedError

    def parts(self) -> tuple[ConvBlock, ...]:
        """The convolutions within, whose batch norms `movinet.deploy.fuse` folds."""
        raise NotImplementedError
