"""The MODEL of `export` and of `bench deploy`: a network with its weights, and what its files tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from movinet.export.errors import ExportError
from movinet.model import is_causal
from movinet.models.load import load_model
from movinet.models.model import NOTHING, Wanted
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Network:
    """What is written. labels: None of random weights, of which no accuracy can be asked; notes: what was assumed."""

    name: str
    model: keras.Model
    clip: ClipSpec
    labels: tuple[str, ...] | None
    multi_label: bool = False
    notes: tuple[str, ...] = ()

    @property
    def streams(self) -> bool:
        """Whether a call takes one frame, else a clip."""
        return is_causal(self.model)


def read_network(source: str, wanted: Wanted = NOTHING) -> Network:
    """A model folder, a published name with weights, or a .keras file. Raises what `load_model` does."""
    found = load_model(source, wanted)
    if found.network is None:
        raise ExportError(f"{source} is an exported file; allowed: a model folder, a published name or a .keras file")
    name = found.name.removesuffix(".keras")
    return Network(name, found.network, found.clip, found.labels, found.multi_label, found.notes)
