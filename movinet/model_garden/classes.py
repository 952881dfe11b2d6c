"""The networks under the names that users of TensorFlow's Model Garden know: `Movinet` and `MovinetClassifier`.

    from movinet import model_garden as movinet, model_garden as movinet_model

in place of the imports from official.projects.movinet.modeling, and its published examples run.  The arguments become a
`MovinetSpec` and a `build_movinet` model; that model is their `network`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from movinet.config.errors import InputError
from movinet.layers.backend import ops
from movinet.layers.batch_norm import BatchNorm
from movinet.layers.head import ClassifierHead
from movinet.model import build_backbone, classifier
from movinet.model_garden.published import PublishedGraph
from movinet.presets import PRESETS
from movinet.spec import ACTIVATIONS, MovinetSpec, SpecError
from movinet.streaming import initial_states, stream_model

MODEL_IDS = tuple(name.removesuffix("-base") for name in PRESETS if name.endswith("-base"))
CLIP = (None, None, None, None, 3)
RATE = "a number >= 0 and < 1"
REGULARIZERS = dict.fromkeys(("kernel_regularizer", "bias_regularizer"), keras.regularizers.get)
KERNEL_SETTINGS = {"kernel_initializer": keras.initializers.get, **REGULARIZERS}


@keras.saving.register_keras_serializable(package="movinet")
class Movinet(PublishedGraph, keras.Model):
    """A backbone, with the argument names of Model Garden's.

    Call arguments: a clip (B, T, H, W, 3), or {"image": clip, **states}.  Returns the result of every layer, by name
    ("stem", "block0_layer0" ..., "head"), and with `output_states` the next states beside it.  Without states a clip
    starts from zeros.

    input_specs: an InputSpec or shape (B, T, H, W, 3); a network takes any clip, so it is checked and no more.
    use_sync_bn: taken, without effect on one device.  kernel_regularizer, bias_regularizer: of all convolutions'.
    network: the `build_backbone` model within.  Raises InputError for a value that is not allowed.
    """

    def __init__(
        self,
        model_id: str = "a0",
        causal: bool = False,
        use_positional_encoding: bool = False,
        conv_type: str = "3d",
        se_type: str = "3d",
        input_specs: Any = None,
        activation: str = "swish",
        gating_activation: str = "sigmoid",
        use_sync_bn: bool = True,
        norm_momentum: float = 0.99,
        norm_epsilon: float = 0.001,
        kernel_initializer: Any = "HeNormal",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        stochastic_depth_drop_rate: float = 0.0,
        use_external_states: bool = False,
        output_states: bool = True,
        average_pooling_type: str = "3d",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        _require("Movinet.model_id", model_id, model_id in MODEL_IDS, ", ".join(MODEL_IDS))
        _require("Movinet.norm_momentum", norm_momentum, 0 <= norm_momentum < 1, RATE)
        _require("Movinet.norm_epsilon", norm_epsilon, norm_epsilon > 0, "a number > 0")
        _require("Movinet.stochastic_depth_drop_rate", rate := stochastic_depth_drop_rate, 0 <= rate < 1, RATE)
        states = use_external_states
        _require("Movinet.use_external_states", states, causal or not states, "False, unless causal is True")
        structure = {
            "causal": causal,
            "conv_type": conv_type,
            "se_type": se_type,
            "activation": activation,
            "gating_activation": gating_activation,
            "use_positional_encoding": use_positional_encoding,
            "average_pooling_type": average_pooling_type,
        }
        self.settings = {
            "model_id": model_id,
            **structure,
            "input_specs": _clip_shape("Movinet.input_specs", input_specs),
            "use_sync_bn": use_sync_bn,
            "norm_momentum": norm_momentum,
            "norm_epsilon": norm_epsilon,
            **_kernels(kernel_initializer, kernel_regularizer, bias_regularizer),
            "stochastic_depth_drop_rate": stochastic_depth_drop_rate,
            "use_external_states": use_external_states,
            "output_states": output_states,
        }
        self.use_external_states, self.output_states = use_external_states, output_states
        try:
            self.spec: MovinetSpec = dataclasses.replace(PRESETS[f"{model_id}-base"], **structure)
        except SpecError as error:
            raise InputError(f"Movinet.{str(error).removeprefix('MovinetSpec.')}") from None
        self.network = build_backbone(self.spec, stochastic_depth_drop_rate, norm_momentum, self.dtype_policy)
        for norm in (layer for layer in self.network._flatten_layers() if isinstance(layer, BatchNorm)):
            norm.epsilon = norm_epsilon
        _prepare(self.network.weights, self.settings)
        self.built = True

    @property
    def head_filters(self) -> int:
        """Width of the dense layer before the classifier."""
        return self.spec.head.head_filters

    @property
    def conv_type(self) -> str:
        """The form of the convolutions."""
        return self.spec.conv_type

    def call(self, inputs, training=False):
        inputs = _with_states(self, inputs) if self.spec.causal and self.output_states else _named(inputs)
        x, endpoints, later = inputs["image"], {}, {}
        for layer in self.network.layers[1:]:
            prefix = f"state_{layer.name}_"
            states = {name.removeprefix(prefix): state for name, state in inputs.items() if name.startswith(prefix)}
            x, states = layer(x, states, training=training) if states else (layer(x, training=training), {})
            endpoints[layer.name] = x
            later.update({prefix + name: state for name, state in states.items()})
        return (endpoints, later) if self.output_states else endpoints

    def init_states(self, input_shape: Sequence[int] | Any) -> dict[str, Any]:
        """The states before the first frame, zeros, for clips of shape (B, T, H, W, 3); T does not matter."""
        return initial_states(self.network, input_shape[0], (input_shape[2], input_shape[3]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **_plain(self.settings)}


@keras.saving.register_keras_serializable(package="movinet")
class MovinetClassifier(PublishedGraph, keras.Model):
    """A network of a `Movinet` and a classifier, with the argument names of Model Garden's.

    Call arguments: a clip (B, T, H, W, 3), or {"image": clip, **states}.  Returns logits (B, num_classes), and with
    `output_states` (logits, next states).  Without states a clip starts from zeros.

    backbone: its layers become the classifier's.  input_specs: {"image": ...}, as Movinet's.  network: the
    `build_movinet` model within, for everything else that takes one.
    The regularisers leave the last layer alone, and so does kernel_initializer.
    tf.train.Checkpoint(model=...) restores published checkpoints, and writes such as Model Garden restores.
    Raises InputError for a value that is not allowed.
    """

    def __init__(
        self,
        backbone: Movinet,
        num_classes: int,
        input_specs: Mapping[str, Any] | None = None,
        activation: str = "swish",
        dropout_rate: float = 0.0,
        kernel_initializer: Any = "HeNormal",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        output_states: bool = False,
        **kwargs: Any,
    ):
        ours, classes, causal = "MovinetClassifier", num_classes, backbone.spec.causal
        _require(f"{ours}.num_classes", classes, type(classes) is int and classes >= 1, "an integer >= 1")
        _require(f"{ours}.activation", activation, activation in ACTIVATIONS, ", ".join(ACTIVATIONS))
        _require(f"{ours}.dropout_rate", dropout_rate, 0 <= dropout_rate < 1, RATE)
        _require(f"{ours}.output_states", output_states, causal or not output_states, "False for a base network")
        form = {"conv_type": backbone.conv_type, "activation": activation, "dropout": dropout_rate}
        named = {"name": "classifier_head", "dtype": backbone.dtype_policy}
        head = ClassifierHead(backbone.head_filters, num_classes, **form, **named)
        settings = {
            "num_classes": num_classes,
            "input_specs": {"image": _clip_shape("MovinetClassifier.input_specs", (input_specs or {}).get("image"))},
            "activation": activation,
            "dropout_rate": dropout_rate,
            **_kernels(kernel_initializer, kernel_regularizer, bias_regularizer),
            "output_states": output_states,
        }
        network = classifier(backbone.network, head)
        dense = [weight for weight in head.weights if "/classifier/" not in weight.path]
        _prepare(dense, settings)
        takes_states = backbone.use_external_states or output_states
        inputs, outputs = network.input, network.output
        if takes_states:
            inputs, states = (twin := stream_model(network)).input, dict(twin.output)
            logits = states.pop("logits")
            outputs = (logits, states) if output_states else logits
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.backbone, self.network = backbone, network
        self.takes_states, self.settings = takes_states, settings

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Logits, or (logits, next states)."""
        inputs = _with_states(self, inputs) if self.takes_states else _named(inputs)["image"]
        return super().__call__(inputs, *args, **kwargs)

    def init_states(self, input_shape: Sequence[int] | Any) -> dict[str, Any]:
        """The states before the first frame, zeros, for clips of shape (B, T, H, W, 3); T does not matter."""
        return self.backbone.init_states(input_shape)

    def get_config(self) -> dict[str, Any]:
        named = {"name": self.name, "trainable": self.trainable}
        return {**named, "backbone": keras.saving.serialize_keras_object(self.backbone), **_plain(self.settings)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MovinetClassifier:
        backbone = keras.saving.deserialize_keras_object(config["backbone"], custom_objects)
        return cls(**{**config, "backbone": backbone})


def _require(name: str, value: object, ok: bool, allowed: str) -> None:
    if not ok:
        raise InputError(f"{name}={value!r} is not allowed; allowed: {allowed}")


def _clip_shape(name: str, specs: Any) -> tuple:
    """The shape that an InputSpec, or a shape, says of clips."""
    shape = tuple(CLIP if specs is None else getattr(specs, "shape", specs))
    _require(name, shape, len(shape) == 5 and shape[-1] == 3, "(batch, frames, height, width, 3)")
    return shape


def _named(inputs: Any) -> Mapping[str, Any]:
    return inputs if isinstance(inputs, Mapping) else {"image": inputs}


def _with_states(model: Movinet | MovinetClassifier, inputs: Any) -> dict[str, Any]:
    """The image and its states, zeros where none were given."""
    inputs = {name: ops.convert_to_tensor(value) for name, value in _named(inputs).items()}
    return inputs if len(inputs) > 1 else {**model.init_states(ops.shape(inputs["image"])), **inputs}


def _kernels(*values: Any) -> dict[str, Any]:
    return {name: get(value) for (name, get), value in zip(KERNEL_SETTINGS.items(), values, strict=True)}


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As plain data, not sooner than asked for: Keras tells objects that it has serialised apart by their ids."""
    return {**settings, **{name: keras.saving.serialize_keras_object(settings[name]) for name in KERNEL_SETTINGS}}


def _prepare(weights: Sequence[Any], settings: Mapping[str, Any]) -> None:
    """Gives kernels their initial values (He-normal ones have theirs already) and all their regularisers."""
    initializer = settings["kernel_initializer"]
    for weight in weights:
        leaf = weight.path.rsplit("/", 1)[-1]
        if leaf in ("kernel", "temporal_kernel"):
            weight.regularizer = settings["kernel_regularizer"]
            if not isinstance(initializer, keras.initializers.HeNormal):
                weight.assign(initializer(weight.shape, weight.dtype))
        elif leaf == "bias":
            weight.regularizer = settings["bias_regularizer"]
