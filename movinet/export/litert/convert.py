"""LiteRT files from signatures: float32, float16, dynamic range and int8."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorflow as tf

from movinet.export.litert.file_graph import FileGraph
from movinet.export.litert.int8 import int8_file
from movinet.export.litert.operators import check_operators
from movinet.export.signature import Signature
from movinet.machine.progress import Say, silent

OPTIMIZED = {"optimizations": [tf.lite.Optimize.DEFAULT]}
SETTINGS: dict[str | None, dict[str, Any]] = {"float16": {**OPTIMIZED, "float16": True}, "dynamic": OPTIMIZED}
BUILTIN, FLEX = tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS


def litert_file(
    signature: Signature, name: str, quantize: str | None = None, clips: Iterable[np.ndarray] = (), say: Say = silent
) -> tuple[bytes, dict[str, int]]:
    """The content of a file for `signature`, and its operators.

    quantize: None, "float16" (weights), "dynamic" (int8 weights but for depthwise convolutions) or "int8": weights and
    activations by the ranges met on `clips` (T, S, S, 3), each frame by frame with the states that have come up by
    then; inputs and outputs stay float32, and so do the running sums of the pools.  name: the file's, for messages;
    say: hears of progress.  Raises ExportError.
    """
    with TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures=signature.concrete())
        content, counts = convert(folder, name, SETTINGS.get(quantize, {}))
    if quantize == "int8":
        content = int8_file(content, signature, clips, say)
        counts = check_operators(content, name)
    graph = FileGraph(content)
    if quantize == "dynamic":
        graph.depthwise_in_float()
    graph.arrange()
    return graph.content(), counts


def convert(folder: str | Path, name: str, settings: dict[str, Any]) -> tuple[bytes, dict[str, int]]:
    """The content of a file for the SavedModel in `folder`, and its operators. Raises ExportError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's converter uses what TensorFlow deprecates
        try:
            content = _converter(folder, settings).convert()
        except Exception:
            # An operator that LiteRT lacks: with all of TensorFlow's allowed the file tells which layer it is in.
            check_operators(_converter(folder, {"allow_custom_ops": True}, FLEX).convert(), name)
            raise
    return content, check_operators(content, name)


def _converter(folder: str | Path, settings: dict[str, Any], *more: Any) -> Any:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [BUILTIN, *more]
    for key, value in settings.items():
        if key == "float16":
            converter.target_spec.supported_types = [tf.float16]
        else:
            setattr(converter, key, value)
    return converter
