"""Full int8: the ranges of all activations met on clips, with the states that come up, and files quantised by them.

TensorFlow's own calibrator (2.21) reads a tensor after an operator that works in place has written over it, so that
the gate of a hard swish gets the range of its product, 0 to 100 instead of 0 to 1, and with it three values out of 256.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize  # as tf.lite.experimental.QuantizationDebugger calls it

from movinet.deploy.graph import FLOAT
from movinet.export.litert.file_graph import RESHAPE, FileGraph, ignored_below
from movinet.export.litert.operators import operators
from movinet.export.signature import Signature
from movinet.machine.progress import Say, counted, silent
from movinet.models.runtime import Tensors

LATEST = 10_000  # frames: the longest period of the positional encoding is 2 pi times as long


def int8_file(content: bytes, signature: Signature, clips: Iterable[np.ndarray], say: Say = silent) -> bytes:
    """The content of a float file, quantised by the ranges met on clips (T, S, S, 3).

    Inputs and outputs stay float32, and so does what is made in the scope FLOAT.  Rounding moves a class' logit by much
    the same in every clip, half of the error at worst; the classifier's bias takes the mean of that back.
    """
    clips = list(clips)
    graph = FileGraph(content)
    kept = [operator.tensor for operator in operators(content) if FLOAT in operator.tensor]
    sums = [index for name, index in graph.outputs.items() if name.endswith("pool_buffer")]
    kept += [graph.tensors[index].name.decode() for index in sums]  # outputs have no scope in their names
    logits = _set_ranges(graph, content, signature, clips, say)
    bias = _bias_of_logits(graph)
    moved = _mean_logits(_quantised(graph, kept), signature, clips, say) - logits
    graph.set_constant(bias, graph.constant(bias) - moved)
    return _quantised(graph, kept)


def along(
    signature: Signature, call: Callable[[Tensors], Tensors], clips: Iterable[np.ndarray]
) -> Iterator[tuple[Tensors, Tensors]]:
    """Calls the network along clips, from its own states, and yields what each call was given and returned.

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
            yield given, returned
            states = signature.next_states(given, returned) | {name: count + 1 for name, count in counts.items()}


def images(signature: Signature, clip: np.ndarray) -> Iterator[np.ndarray]:
    """A clip (T, S, S, 3) as what the calls take, one after the other: frames, or the clip."""
    if not signature.states:
        yield np.resize(clip, signature.image)
        return
    yield from (frame.reshape(signature.image) for frame in clip)


def _set_ranges(
    graph: FileGraph, content: bytes, signature: Signature, clips: list[np.ndarray], say: Say
) -> np.ndarray:
    """Tells the graph which values each activation takes; returns the mean logits (classes,)."""
    interpreter = _interpreter(content, every_tensor=True)
    runner: Any = interpreter.get_signature_runner()
    lows, highs = (dict.fromkeys(graph.activations, end) for end in (np.inf, -np.inf))
    logits = []
    calls = along(signature, lambda inputs: runner(**inputs), clips)
    for _, returned in counted(calls, _count(signature, clips), "calls for the ranges of int8", say):
        logits.append(returned["logits"])
        for index in lows:
            value = interpreter.get_tensor(index)
            lows[index], highs[index] = min(lows[index], value.min()), max(highs[index], value.max())
    for index, lowest in ignored_below(graph).items():
        lows[index] = max(lows[index], lowest)
    for index, low in lows.items():
        graph.set_range(index, low, highs[index])
    return np.mean(logits, (0, 1))


def _mean_logits(content: bytes, signature: Signature, clips: list[np.ndarray], say: Say) -> np.ndarray:
    runner: Any = _interpreter(content).get_signature_runner()
    calls = along(signature, lambda inputs: runner(**inputs), clips)
    calls = counted(calls, _count(signature, clips), "calls for the mean of int8's logits", say)
    return np.mean([returned["logits"] for _, returned in calls], (0, 1))


def _count(signature: Signature, clips: list[np.ndarray]) -> int:
    """Of the calls along the clips."""
    return sum(map(len, clips)) if signature.states else len(clips)


def _interpreter(content: bytes, every_tensor: bool = False) -> tf.lite.Interpreter:
    """every_tensor: can be read after a call; no operators are joined then."""
    resolvers = tf.lite.experimental.OpResolverType
    resolver = resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES if every_tensor else resolvers.AUTO
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow announces that its interpreter moves to ai-edge-litert
        return tf.lite.Interpreter(
            model_content=content,
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=every_tensor,
        )


def _quantised(graph: FileGraph, kept: list[str]) -> bytes:
    """kept: names of tensors whose operators stay float."""
    quantize: Any = mlir_quantize  # its result has no type
    return quantize(graph.content(), denylisted_nodes=kept)


def _bias_of_logits(graph: FileGraph) -> int:
    """Index of the constant that the classifier's convolution adds."""
    maker = graph.made_by[graph.outputs["logits"]]
    while graph.kind(maker) == RESHAPE:
        maker = graph.made_by[maker.inputs[0]]
    return maker.inputs[2]
