"""LiteRT files (.tflite), for phones and browsers: how they are made is told in export/litert."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from movinet.export.formats.format import Format

if TYPE_CHECKING:
    from movinet.export.job import ExportJob
    from movinet.export.signature import Signature
    from movinet.models.runtime import Call


def write(job: ExportJob, signature: Signature, draft: Path) -> dict[str, Any]:
    """Builtin operators alone; the report gains how many of each. Raises ExportError for others."""
    from movinet.export.formats.saved_model import save_model
    from movinet.export.litert.convert import convert, litert_file
    from movinet.model import is_movinet

    if is_movinet(job.model):
        content, counts = litert_file(signature, draft.name, job.form.quantize, job.calibration, job.say)
    else:  # layers that `build_movinet` does not make go through Keras' own graph
        with TemporaryDirectory() as folder:
            save_model(job.model, folder, False, signature.image)
            content, counts = convert(folder, draft.name, {})
    draft.write_bytes(content)
    return {"operators": counts}


def call(file: Path) -> tuple[Call, str]:
    """The file in the LiteRT runtime."""
    from movinet.models.runtime import litert_call

    return litert_call(file)


LITERT = Format(
    ".tflite",
    write,
    call,
    quantizations=("float16", "dynamic", "int8"),
    rank4=True,
    any_layers=True,
    runners=("runner.py", "runner.mjs"),
    runtime="ai_edge_litert.interpreter",
)
