"""Fine-tuning of a network's later part: its first layers stay as they are, batch-norm statistics included."""

from __future__ import annotations

import keras

from movinet.config.errors import InputError


def freeze(model: keras.Model, until: str | None) -> None:
    """Makes the layers up to `until`, a stage and the last to be frozen, untrainable, and those after it trainable.

    model: of `build_movinet`; until: "stem", "block0" ..., "head" (all but the classifier), or None for nothing frozen.
    Frozen batch norms use their moving statistics in training too, and leave them.  Before `compile`, or before a
    `movinet.training.training.Training` is made; afterwards it takes another one.  Raises InputError for another stage.
    """
    stages = {layer.name: layer.name.split("_layer")[0] for layer in model.layers if layer.weights}
    names = list(dict.fromkeys(stages.values()))[:-1]
    if until is not None and until not in names:
        raise InputError(f"until={until!r} is not allowed; allowed: {', '.join(names)}, None")
    frozen = names[: names.index(until) + 1] if until else []
    for name, stage in stages.items():
        model.get_layer(name).trainable = stage not in frozen
