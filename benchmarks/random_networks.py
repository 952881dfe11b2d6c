"""Is every network built as it is counted, and a stream of it the clip so far?  Networks drawn over all a spec can say.

Each is built twice: as drawn, where the multiply-adds of TensorFlow's graph and the parameters must be the cost's, and
causal with weights off their initial values, where the last frame's logits must be the whole clip's.  The slow tests
take 40 of each; two cores, about five minutes:
    python benchmarks/random_networks.py --networks 200
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from movinet.cost import network_cost
from movinet.spec import MovinetSpec
from tests.support.random_specs import random_spec


def check_cost(spec: MovinetSpec, frames: int, size: int, num_classes: int) -> None:
    """Raises AssertionError unless the network is built as counted for a clip of `frames` of `size` x `size` pixels."""
    from movinet.model import build_movinet

    model = build_movinet(spec, num_classes)
    cost = network_cost(spec, frames, size, num_classes)
    assert model.count_params() == cost.parameters, f"{model.count_params()} parameters, counted {cost.parameters}"
    found = graph_multiply_adds(model, frames, size)
    assert found == cost.flops, f"{found} multiply-adds, counted {cost.flops}"


def check_random_cost(seed: int) -> None:
    """check_cost of the network that `seed` draws."""
    rng = Random(seed)
    spec = random_spec(rng)
    check_cost(spec, spec.clip.frames, spec.clip.resolution, rng.randint(1, 12))


def check_random_stream(seed: int) -> None:
    """Raises AssertionError unless the network that `seed` draws says frame by frame what it says of the clip."""
    rng = Random(seed)
    spec = replace(random_spec(rng), causal=True)
    model = with_other_weights(spec, 3)
    frames, size = rng.randint(2, 6), rng.randint(5, 24)
    clip = np.random.default_rng(seed).random((1, frames, size, size + 3, 3), dtype=np.float32)
    whole, last = np.asarray(model(clip)), streamed(model, clip, list(range(1, frames)))[-1]
    error = np.abs(last - whole).max() / np.abs(whole).max()
    assert error <= 1e-4, f"{spec}: relative error {error:.1e}"


def with_other_weights(spec: MovinetSpec, num_classes: int) -> Any:
    """The network, every weight off its initial value."""
    from movinet.model import build_movinet

    model = build_movinet(spec, num_classes)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
    return model


def streamed(model: Any, clip: np.ndarray, cuts: list[int], *pool: Any) -> np.ndarray:
    """Logits after each of the pieces that end before frame `cuts[i]`: (pieces, B, classes)."""
    from movinet.streaming import initial_states, stream_model

    stream, states, logits = stream_model(model, *pool), initial_states(model, len(clip), clip.shape[2:4], *pool), []
    for start, end in zip([0, *cuts], [*cuts, clip.shape[1]], strict=True):
        out = stream({"image": clip[:, start:end], **states})
        logits.append(np.asarray(out.pop("logits")))
        states = out
    return np.stack(logits)


def graph_multiply_adds(model: Any, frames: int, size: int) -> int:
    """Multiply-adds in the graph that TensorFlow runs on one clip.

    Matrix products and convolutions; and each Mul of something of the clip with a kernel, whole or in part, since a
    depthwise kernel of one pixel is multiplied and not convolved. Folding batch norm into a kernel is none of them.
    """
    import tensorflow as tf

    def run(clip):
        return model(clip, training=False)

    graph = tf.function(run).get_concrete_function(tf.TensorSpec((1, frames, size, size, 3))).graph
    handles = {variable.value.handle.ref() for variable in model.weights if variable.name.endswith("kernel")}
    kernels = {inner.name for outer, inner in graph.captures if outer.ref() in handles}  # and all made of them alone
    of_clip = {graph.inputs[0].name}  # with all that depends on it
    for op in graph.get_operations():
        sources = {tensor.name for tensor in op.inputs}
        group = of_clip if sources & of_clip else kernels if sources & kernels else set()
        group |= {tensor.name for tensor in op.outputs}

    def multiplies_kernel(op):
        names = {tensor.name for tensor in op.inputs}
        return bool(names & of_clip) and bool(names & kernels)

    def multiply_adds(op):
        size = op.outputs[0].shape.num_elements() if op.outputs else 0
        match op.type:
            case "MatMul":
                return size * op.inputs[0].shape[0 if op.get_attr("transpose_a") else 1]
            case "BatchMatMulV2":
                return size * op.inputs[0].shape[-1]
            case "Conv2D":
                return size * op.inputs[1].shape[:3].num_elements()
            case "DepthwiseConv2dNative":
                return size * op.inputs[1].shape[:2].num_elements()
            case "Mul" if multiplies_kernel(op):
                return size
        assert not any(word in op.type for word in ("3D", "Conv", "Einsum", "MatMul", "PartitionedCall")), op.type
        return 0

    return sum(multiply_adds(op) for op in graph.get_operations())


def failures(check: Callable[[int], None], seeds: Iterable[int]) -> list[str]:
    """What `check` says of the seeds that it refuses, a line each."""
    found = []
    for seed in seeds:
        try:
            check(seed)
        except AssertionError as error:
            found.append(f"{check.__name__} of seed {seed}: {error}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=200)
    networks = parser.parse_args().networks
    found = [line for check in (check_random_cost, check_random_stream) for line in failures(check, range(networks))]
    print("\n".join([*found, f"{networks} random networks, {len(found)} failures"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
