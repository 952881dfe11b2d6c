"""The export formats by name. The command, `bench deploy`, the sweep, the documents and the proofs read them here."""

from __future__ import annotations

from movinet.export.formats.format import Format
from movinet.export.formats.keras_file import KERAS
from movinet.export.formats.litert_file import LITERT
from movinet.export.formats.onnx_file import ONNX
from movinet.export.formats.saved_model import SAVED_MODEL
from movinet.export.job import Form

FORMATS: dict[str, Format] = {"litert": LITERT, "saved_model": SAVED_MODEL, "onnx": ONNX, "keras": KERAS}
QUANTIZATIONS = tuple(dict.fromkeys(each for format in FORMATS.values() for each in format.quantizations))


def forms() -> dict[str, Form]:
    """Every file that a network can have, by name; those of rank 4 are of streams alone."""
    every = [
        Form(name, quantize, rank4, fixed)
        for name, format in FORMATS.items()
        for quantize in (None, *format.quantizations)
        for rank4 in (False, True)[: 1 + format.rank4]
        for fixed in (False, True)[: 1 + format.fixed]
    ]
    return {form.name: form for form in every}


def having(what: str) -> str:
    """The names of the formats that have something, for messages."""
    return " or ".join(name for name, format in FORMATS.items() if getattr(format, what))
