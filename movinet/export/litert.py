"""LiteRT files from signatures: float32, float16, dynamic range and int8."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorflow as tf

from movinet.export.graph import FLOAT
from movinet.export.operators import check_operators, operators
from movinet.export.signature import Signature, Tensors

OPTIMIZED = {"optimizations": [tf.lite.Optimize.DEFAULT]}
LATEST = 10_000  # frames: the longest period of the positional encoding is 2 pi times as long
BUILTIN, INT8, FLEX = tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.SELECT_TF_OPS


def litert_file(
    signature: Signature, name: str, quantize: str | None = None, clips: Iterable[np.ndarray] = ()
) -> tuple[bytes, dict[str, int]]:
    """The content of a file for `signature`, and its operators.

    quantize: None, "float16" (weights), "dynamic" (int8 weights) or "int8": weights and activations by the ranges met
    on `clips` (T, S, S, 3), each frame by frame with the states that have come up by then; inputs and outputs stay
    float32, and so do the running sums of the pools.  name: the file's, for messages.  Raises ExportError.
    """
    with TemporaryDirectory() as folder:
        function = signature.concrete()
        save_graph(function, folder)
        content, counts = convert(folder, name, {} if quantize == "int8" else _settings(quantize))
        if quantize == "int8":
            kept = [operator.tensor for operator in operators(content) if FLOAT in operator.tensor]
            content = _int8(folder, lambda: calibration(signature, function, clips), kept)
            counts = check_operators(content, name)
        return content, counts


def save_graph(function: Any, folder: str | Path) -> None:
    """A SavedModel of a concrete function, its constants included."""
    tf.saved_model.save(tf.Module(), str(folder), signatures=function)


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


def calibration(signature: Signature, function: Any, clips: Iterable[np.ndarray]) -> Iterator[Tensors]:
    """All inputs for each call along clips (T, S, S, 3); states are the network's own.

    Every second frame is told to be at some position of a long stream, so that the ranges hold late, too.
    """
    rng = np.random.default_rng(0)
    for clip in clips:
        states = signature.first_states()
        for frames in images(signature, clip):
            given = {"image": frames, **states}
            position, told = rng.integers(LATEST), rng.random() < 0.5
            positions = [name for name in states if told and name.endswith("pos_enc_frame_count")]
            yield given | {name: np.full_like(states[name], position) for name in positions}
            if states:
                returned = function(**{key: tf.constant(value) for key, value in given.items()})
                states = signature.next_states(given, {key: value.numpy() for key, value in returned.items()})


def images(signature: Signature, clip: np.ndarray) -> Iterator[np.ndarray]:
    """A clip (T, S, S, 3) as what the calls take, one after the other: frames, or the clip."""
    if not signature.states:
        yield np.resize(clip, signature.image)
        return
    yield from (frame.reshape(signature.image) for frame in clip)


def _int8(folder: str | Path, samples: Callable[[], Iterator[Tensors]], kept: list[str]) -> bytes:
    """The content of an int8 file; what makes the tensors `kept` stays float."""
    experimental: Any = tf.lite.experimental
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = _converter(folder, OPTIMIZED | {"representative_dataset": samples}, INT8)
        options = experimental.QuantizationDebugOptions(
            denylisted_nodes=kept
        )  # the converter itself has no such option
        return experimental.QuantizationDebugger(
            converter=converter, debug_options=options
        ).get_nondebug_quantized_model()


def _settings(quantize: str | None) -> dict[str, Any]:
    return {None: {}, "float16": {**OPTIMIZED, "float16": True}, "dynamic": OPTIMIZED}[quantize]


def _converter(folder: str | Path, settings: dict[str, Any], *more: Any) -> Any:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [BUILTIN, *more]
    for key, value in settings.items():
        if key == "float16":
            converter.target_spec.supported_types = [tf.float16]
        else:
            setattr(converter, key, value)
    return converter
