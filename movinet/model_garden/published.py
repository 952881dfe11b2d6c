"""A model that TensorFlow checkpoints as the published one: its weights stand where published checkpoints have them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import keras

from movinet.weights.tensorflow_graph import BACKBONE, LAYER, weight_routes
from movinet.weights.tensors import weights_by_path


class PublishedGraph:
    """Makes TensorFlow's checkpoints see the published object graph alone of a model.

    Stands before keras.Model among the bases of a model whose `network` has the layers of `build_movinet`.
    """

    network: keras.Model

    @cached_property
    def _published(self) -> dict[str, Any]:  # made once: a checkpoint's status compares objects by identity
        return published_edges(self.network)

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        return self._published if save_type == "checkpoint" else self._keras()._trackable_children(save_type, **kwargs)

    def _lookup_dependency(self, name: str, cached_dependencies: Any = None) -> Any:
        if name.startswith(LAYER):  # others are asked for while the model is being made
            return self._published.get(name)
        return self._keras()._lookup_dependency(name, cached_dependencies)

    def _keras(self) -> Any:
        return super()


def published_edges(model: keras.Model) -> dict[str, Any]:
    """What hangs from a published classifier, or from its backbone if `model` has no classifier, by edge.

    The objects own the model's weights, as TensorFlow's trackable objects.
    """
    import tensorflow as tf  # of no use to other backends

    weights, root = weights_by_path(model), tf.Module()
    for name, route in weight_routes(weights, conv2d=len(weights["stem/kernel"].shape) == 4).items():
        node, (*edges, last) = root, route.split("/")
        for edge in edges:
            if edge not in vars(node):
                setattr(node, edge, tf.Module())
            node = vars(node)[edge]
        setattr(node, last, weights[name].value)
    whole = "classifier_head/classifier/kernel" in weights
    owner: Any = root if whole else vars(root)[BACKBONE]
    return owner._trackable_children()
