"""A .keras file: the network itself, of any number of clips, frames and pixels; `stream_model` makes a stream of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export.formats.format import Format

if TYPE_CHECKING:
    from movinet.export.job import ExportJob
    from movinet.export.signature import Signature
    from movinet.models.runtime import Call


def write(job: ExportJob, signature: Signature, draft: Path) -> None:
    """As Keras saves it, in the precision that it was trained in."""
    job.model.save(draft)


def call(file: Path) -> tuple[Call, str]:
    """The network that was loaded from the file."""
    import keras
    import numpy as np

    loaded: Any = keras.models.load_model(file, compile=False)
    return lambda inputs: {"logits": np.asarray(loaded(inputs["image"], training=False))}, "keras"


KERAS = Format(".keras", write, call, streams=False, any_layers=True)
