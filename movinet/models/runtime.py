"""Exported files in their runtimes, as functions of named arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

Tensors = dict[str, Any]
Call = Callable[[Tensors], Tensors]


def litert_call(file: Path, threads: int = 1) -> tuple[Call, str]:
    """The file in the LiteRT runtime, ai-edge-litert where it is installed, else TensorFlow's own; and which it is."""
    try:
        from ai_edge_litert.interpreter import Interpreter

        runtime = "ai-edge-litert"
    except ImportError:
        Interpreter, runtime = tf.lite.Interpreter, "tensorflow"
    runner: Any = Interpreter(str(file), num_threads=threads).get_signature_runner()
    return lambda inputs: runner(**inputs), runtime
