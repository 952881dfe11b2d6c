"""What a layer may hold between its depthwise convolution and its projection: one entry for each operator.

An operator is a field of `LayerSpec`, an entry here and a class in `movinet/layers/`.  Costs, networks, streams, files,
exports and spaces walk the entries.  Standard library only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from math import prod
from typing import Any

from movinet.operation import Mode, Operation, Place
from movinet.spec import LayerSpec, make_divisible

SQUEEZE_RATIO = 0.25


@dataclasses.dataclass(frozen=True)
class Operator:
    """One operator.

    field: of `LayerSpec`, which says of each layer what form it has there; off: its value where a layer has none.
    layer: the Keras class, "module:Class", a `movinet.layers.operator.OperatorLayer`, called (B, T, H, W, C) clips.
    operations: (the field's value, place, mode) -> what it does on a clip there, to the clip's own shape; none where
        the mode switches it off.
    name: of its Keras layer, in paths of weights and in names of operations; state_prefix: of its states' names.
    published: whether the published checkpoints and their names have it.
    attributes: of its layer, with the part that each holds, where the part is called otherwise.
    """

    field: str
    layer: str
    operations: Callable[[Any, Place, Mode], Iterator[Operation]]
    off: Any = False
    name: str = ""
    state_prefix: str | None = None
    published: bool = False
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "name", self.name or self.field)
        if self.state_prefix is None:
            object.__setattr__(self, "state_prefix", f"{self.name}_")

    def of_layer(self, layer: LayerSpec, place: Place, mode: Mode, waiting: int = 0) -> Iterator[Operation]:
        """Its operations in that layer, while so many elements wait; none where the layer has no such operator."""
        value = getattr(layer, self.field)
        if value != self.off:
            for name, *what, needed in self.operations(value, place, mode):  # `_replace` takes twice the time
                yield Operation._make((f"{self.name}/{name}", *what, needed + waiting))

    def named(self, states: Mapping[str, Any]) -> dict[str, Any]:
        """Its states, or what is known of them, by their names within a layer."""
        return {f"{self.state_prefix}{name}": state for name, state in states.items()}

    def states_of(self, layer: Mapping[str, Any]) -> dict[str, Any]:
        """Its states, by its own names, of those of a layer."""
        prefix = str(self.state_prefix)
        return {name.removeprefix(prefix): state for name, state in layer.items() if name.startswith(prefix)}

    def layer_class(self) -> Any:
        """The Keras class."""
        module, _, name = self.layer.partition(":")
        return getattr(import_module(module), name)


def _squeeze_excite(value: bool, place: Place, mode: Mode) -> Iterator[Operation]:
    """Pool, two dense layers and the gate. "2plus3d" joins the frame's average with that of the clip (so far)."""
    if mode.se_type == "none":
        return
    both = mode.se_type == "2plus3d"
    by_frame = mode.causal or mode.se_type != "3d"
    feature, vector = place.shape, (place.frames if by_frame else 1, 1, 1, place.filters)
    squeezed = (*vector[:3], squeezed_filters(place.filters, mode.se_type))
    hidden = (*vector[:3], make_divisible(SQUEEZE_RATIO * squeezed[3]))
    waiting = prod(feature)
    if both:
        yield Operation("spatial_pool", "pool", feature, vector)
        yield Operation("pool", "pool", vector, squeezed, stateful=mode.causal, waiting=waiting)
    else:
        yield Operation("pool", "pool", feature, squeezed, stateful=mode.causal and mode.se_type == "3d")
    if mode.positional:
        yield Operation("position", "position", squeezed, squeezed, stateful=True, waiting=waiting)
    yield Operation("reduce", "dense", squeezed, hidden, bias=True, waiting=waiting)
    yield Operation("expand", "dense", hidden, vector, bias=True, waiting=waiting)
    yield Operation("gate", "gate", feature, feature, waiting=prod(vector))


def squeezed_filters(filters: int, se_type: str) -> int:
    """How many averages a squeeze-excite reads."""
    return filters * (2 if se_type == "2plus3d" else 1)


OPERATORS = (  # in the order of a forward pass
    Operator(
        "squeeze_excite",
        "movinet.layers.squeeze_excite:SqueezeExcite",
        _squeeze_excite,
        name="se",
        state_prefix="",  # the published names
        published=True,
        attributes={"reduce": "se_reduce", "expand": "se_expand"},
    ),
)
