"""An untrained network as the settings want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from movinet.spec import MovinetSpec
from movinet.training.settings import TrainSettings

if TYPE_CHECKING:
    import keras


def new_model(spec: MovinetSpec, num_classes: int, settings: TrainSettings) -> keras.Model:
    """The untrained network of `spec` with the settings' dropout, precision etc.; weights are decided by the seed."""
    import keras

    from movinet.layers.bottleneck import Bottleneck
    from movinet.model import build_movinet
    from movinet.training.freeze import freeze

    keras.utils.set_random_seed(settings.seed)
    model = build_movinet(
        spec,
        num_classes,
        settings.dropout,
        settings.stochastic_depth,
        settings.batch_norm_momentum,
        settings.precision,
    )
    for layer in model.layers:
        if isinstance(layer, Bottleneck):
            layer.scale.assign(settings.rezero)
    freeze(model, settings.freeze_until)
    return model
