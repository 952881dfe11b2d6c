"""ONNX files from signatures, through tf2onnx (the extra "onnx")."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from movinet.export.errors import ExportError
from movinet.export.signature import Signature
from movinet.models.runtime import Tensors

OPSET = 17
NEXT = "next_"


def with_next_names(signature: Signature) -> Signature:
    """The same, its states returned as next_state_...: ONNX allows no name to be both an input's and an output's."""
    states = tuple(replace(state, output=state.output and NEXT + state.output) for state in signature.states)

    def call(inputs: Tensors) -> Tensors:
        returned = signature.call(inputs)
        return {name if name == "logits" else NEXT + name: value for name, value in returned.items()}

    return replace(signature, states=states, call=call)


def onnx_file(signature: Signature) -> bytes:
    """The content of a file for `signature`. Raises ExportError where the extra is not installed."""
    try:
        import tf2onnx  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ExportError(f'onnx files need the extra "onnx" ({error.name} is missing)') from error
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)  # it tells each of its steps
    names = list(signature.inputs)
    function = tf.function(
        lambda *tensors: signature.call(dict(zip(names, tensors, strict=True))),
        autograph=False,
        input_signature=list(signature.inputs.values()),
    )
    proto, _ = tf2onnx.convert.from_function(function, list(signature.inputs.values()), opset=OPSET)
    return proto.SerializeToString()


def onnx_call(file: Path) -> tuple[Callable[[Tensors], Tensors], str]:
    """The file in onnxruntime, on arrays; and the runtime's name."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    session: Any = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names: list[str] = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True)), "onnxruntime"
