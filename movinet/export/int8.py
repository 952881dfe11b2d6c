"""Full int8: the ranges of all activations met on clips, with the states that come up, and files quantised by them.

TensorFlow's own calibrator (2.21) reads a tensor after an operator that works in place has written over it, so that
the gate of a hard swish gets the range of its product, 0 to 100 instead of 0 to 1, and with it three values out of 256.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import mlir_quantize  # as tf.lite.experimental.QuantizationDebugger calls it

from movinet.export.operators import operators
from movinet.export.signature import Signature, Tensors
from movinet.frame_graph import FLOAT

LATEST = 10_000  # frames: the longest period of the positional encoding is 2 pi times as long


def int8_file(content: bytes, signature: Signature, clips: Iterable[np.ndarray]) -> bytes:
    """The content of a float file, quantised by the ranges met on clips (T, S, S, 3).

    Inputs and outputs stay float32, and so does what is made in the scope FLOAT.
    """
    model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
    sums = [output.tensorIndex for output in model.signatureDefs[0].outputs if output.name.endswith(b"pool_buffer")]
    kept = [operator.tensor for operator in operators(content) if FLOAT in operator.tensor]
    kept += [model.subgraphs[0].tensors[index].name.decode() for index in sums]  # outputs have no scope in their names
    quantize: Any = mlir_quantize  # its result has no type
    return quantize(_with_ranges(content, signature, clips), denylisted_nodes=kept)


def along(signature: Signature, call: Callable[[Tensors], Tensors], clips: Iterable[np.ndarray]) -> Iterator[Tensors]:
    """Calls the network along clips, from its own states, and yields what each call was given.

    Every second call is told to be at some position of a long stream, so that the ranges hold late, too.
    """
    rng = np.random.default_rng(0)
    for clip in clips:
        states = signature.first_states()
        for frames in images(signature, clip):
            position, told = rng.integers(LATEST), rng.random() < 0.5
            counts = {name: count for name, count in states.items() if name.endswith("pos_enc_frame_count")}
            given = {"image": frames, **states}
            given |= {name: np.full_like(count, position) for name, count in counts.items() if told}
            returned = call(given)
            yield given
            states = signature.next_states(given, returned) | {name: count + 1 for name, count in counts.items()}


def images(signature: Signature, clip: np.ndarray) -> Iterator[np.ndarray]:
    """A clip (T, S, S, 3) as what the calls take, one after the other: frames, or the clip."""
    if not signature.states:
        yield np.resize(clip, signature.image)
        return
    yield from (frame.reshape(signature.image) for frame in clip)


def _with_ranges(content: bytes, signature: Signature, clips: Iterable[np.ndarray]) -> bytes:
    """The file with the least and the greatest value of each tensor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow announces that its interpreter moves to ai-edge-litert
        interpreter = tf.lite.Interpreter(
            model_content=content,
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
    runner: Any = interpreter.get_signature_runner()
    model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
    tensors = dict(enumerate(model.subgraphs[0].tensors))
    wanted = [i for i, t in tensors.items() if t.type == schema.TensorType.FLOAT32 and not _is_constant(model, t)]
    lows, highs = np.full(len(tensors), np.inf), np.full(len(tensors), -np.inf)
    for _ in along(signature, lambda inputs: runner(**inputs), clips):
        for index in wanted:
            value = interpreter.get_tensor(index)
            lows[index], highs[index] = min(lows[index], value.min()), max(highs[index], value.max())
    for index in wanted:
        tensors[index].quantization = schema.QuantizationParametersT()
        tensors[index].quantization.min, tensors[index].quantization.max = [lows[index]], [highs[index]]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _is_constant(model: Any, tensor: Any) -> bool:
    return model.buffers[tensor.buffer].data is not None
