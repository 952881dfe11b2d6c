"""ONNX files, through tf2onnx (the extra "onnx")."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export.formats.format import Format

if TYPE_CHECKING:
    from movinet.export.job import ExportJob
    from movinet.export.signature import Signature
    from movinet.models.runtime import Call

OPSET = 17


def write(job: ExportJob, signature: Signature, draft: Path) -> None:
    """A file of fixed shapes."""
    import tensorflow as tf
    import tf2onnx  # pyright: ignore[reportMissingImports]

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)  # it tells each of its steps
    names, specs = list(signature.inputs), list(signature.inputs.values())
    function = tf.function(
        lambda *tensors: signature.call(dict(zip(names, tensors, strict=True))), autograph=False, input_signature=specs
    )
    proto, _ = tf2onnx.convert.from_function(function, specs, opset=OPSET)
    draft.write_bytes(proto.SerializeToString())


def call(file: Path) -> tuple[Call, str]:
    """The file in onnxruntime."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    session: Any = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names: list[str] = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True)), "onnxruntime"


ONNX = Format(
    ".onnx",
    write,
    call,
    rank4=True,
    next_prefix="next_",
    runners=("runner.py",),
    runtime="onnxruntime",
    extra=("onnx", ("tf2onnx", "onnxruntime")),
)
