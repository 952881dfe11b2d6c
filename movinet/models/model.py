"""A trained network as one thing, whatever holds or runs it, and what may be said beside its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movinet.models.folder import MemberError, read_labels
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras

    from movinet.layers.pool import Pool

Logits = Callable[[np.ndarray], np.ndarray]  # frames (T, S, S, 3) float32 in [0, 1] -> (classes,)


@dataclass(frozen=True)
class Model:
    """A network that was loaded, whatever runs it.

    clip: what it sees; labels: of its classes, none of random weights; multi_label: each is a yes or no of its own.
    logits: of one clip.  stream: begins a video; what it returns is given the next frames, one or more
    at a time.  None for a network of whole clips.
    """

    name: str
    clip: ClipSpec
    labels: tuple[str, ...]
    logits: Logits
    stream: Callable[[Pool], Logits] | None
    multi_label: bool = False
    network: keras.Model | None = None
    notes: tuple[str, ...] = ()  # what had to be assumed

    @property
    def streams(self) -> bool:
        """Whether it can be given frame by frame."""
        return self.stream is not None

    @property
    def stem(self) -> str:
        """Its name, as those of its files begin."""
        return self.name.removesuffix(".keras")

    def keras_network(self) -> keras.Model:
        """The network itself. Raises MemberError of an exported file."""
        if self.network is None:
            allowed = "a model folder, a published name or a .keras file"
            raise MemberError(f"{self.name} is an exported file; allowed: {allowed}")
        return self.network


@dataclass(frozen=True)
class Wanted:
    """What is said beside `--model`; None: as the model has it.

    weights: a checkpoint for a published network.  labels: a file of names.  frames, size, rate: of the clip.
    """

    weights: str | None = None
    labels: str | None = None
    frames: int | None = None
    size: int | None = None
    rate: float | None = None
    multi_label: bool | None = None

    def of(self, clip: ClipSpec) -> ClipSpec:
        """The clip with what is wanted of it. Raises SpecError."""
        return ClipSpec(self.frames or clip.frames, self.size or clip.resolution, self.rate or clip.frames_per_second)

    def named(self) -> tuple[str, ...] | None:
        """The names in the file of labels."""
        return read_labels(self.labels) if self.labels else None

    def names(self, labels: tuple[str, ...] | None, classes: int) -> tuple[str, ...]:
        """`labels`, or numbers where there are none, for a network of `classes`. Raises MemberError."""
        if labels and len(labels) != classes:
            source = self.labels or "the labels"
            raise MemberError(f"{source}: {len(labels)} names are not allowed; allowed: {classes}, one for each class")
        return labels or tuple(f"class {place}" for place in range(classes))


NOTHING = Wanted()
