"""What is exported, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from movinet.machine.progress import Say, silent
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras
    import numpy as np

DEFAULT = "litert"  # the format that names of files and of forms leave out


@dataclass(frozen=True)
class Form:
    """Which of a network's files: its format, and what is asked of that (`Format` tells what may be)."""

    format: str = DEFAULT
    quantize: str | None = None
    rank4: bool = False
    fixed: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What sets it apart from the default file, for names."""
        every = (self.format, self.quantize, "rank4" * self.rank4, "fixed" * self.fixed)
        return tuple(word for word in every if word and word != DEFAULT)

    @property
    def name(self) -> str:
        """In tables and for options: float32, int8-rank4, onnx ..."""
        plain = self.format == DEFAULT and not self.quantize
        return "-".join(("float32", *self.words) if plain else self.words)


@dataclass(frozen=True)
class ExportJob:
    """What is exported, and how: `export` tells what the fields mean."""

    model: keras.Model
    form: Form
    streams: bool
    clip: ClipSpec
    labels: tuple[str, ...] | None = None
    multi_label: bool = False
    clips: Sequence[np.ndarray] = ()
    calibration: Sequence[np.ndarray] = ()
    at_frames: tuple[int, ...] = ()
    say: Say = silent
