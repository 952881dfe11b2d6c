"""Are the rules in `movinet.layers.tensorflow_forms` that choose between two forms of one thing still right?

They follow oneDNN of TensorFlow 2.21 on a CPU with AVX-512.  For shapes of the default space's networks, one thread:
microseconds of processor time of each form, the least of several rounds that alternate, and a mark where the rule's
choice is the slower one by more than a tenth.    python benchmarks/kernel_rules.py
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"})
import tensorflow as tf

from movinet.layers import activation, tensorflow_forms

Forms = dict[str, Callable[[], Any]]
FRAMES = 64  # 8 clips of 8


def batch_norms() -> Iterator[tuple[str, Forms, str]]:
    """Forward and backward in both layouts."""
    for channels in (8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 96):
        for size in (4, 8, 16):
            x = tf.random.normal((FRAMES * size * size, channels))
            forms = {"rows first": _norm(x, (-1, 1, 1, channels)), "rows second": _norm(x, (1, -1, 1, channels))}
            shape = tensorflow_forms.norm_layout(channels)
            yield f"norm {size}x{size}x{channels}", forms, "rows second" if shape[0] == 1 else "rows first"


def kernel_gradients() -> Iterator[tuple[str, Forms, str]]:
    """Of depthwise kernels."""
    for taps in (3, 5):
        for stride in (1, 2):
            for size in (1, 2, 3, 4, 6, 8, 12):
                for channels in (16, 40, 96):
                    frames = tf.random.normal((FRAMES, size * stride, size * stride, channels))
                    upstream, kernel = tf.random.normal((FRAMES, size, size, channels)), (taps, taps, channels)
                    forms: Forms = {
                        name: _bound(getattr(tensorflow_forms, name), frames, kernel, upstream, stride)
                        for name in ("by_backprop", "by_forward")
                    }
                    rule = tensorflow_forms.has_no_jit(kernel, frames.shape, upstream.shape)
                    name = f"kernel {taps}x{taps}/{stride} to {size}x{size}x{channels}"
                    yield name, forms, "by_forward" if rule else "by_backprop"


def hard_swishes() -> Iterator[tuple[str, Forms, str]]:
    """Value and gradient."""
    for count in (2**14, 2**18):
        x = tf.random.normal((count,))
        forms = {
            "plain": _gradient(activation.hard_swish, x),
            "own gradient": _gradient(tensorflow_forms.hard_swish, x),
        }
        yield f"hard swish of {count}", forms, "own gradient"


def _norm(x: Any, rows: tuple[int, ...]) -> Callable[[], Any]:
    channels = x.shape[-1]
    ones, zeros = tf.ones(channels), tf.zeros(channels)

    def norm(x: Any) -> Any:
        return tf.raw_ops.FusedBatchNormV3(
            x=tf.reshape(x, rows), scale=ones, offset=zeros, mean=zeros, variance=ones, is_training=True
        ).y

    return _gradient(norm, x)


def _gradient(function: Callable[[Any], Any], x: Any) -> Callable[[], Any]:
    def run(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x, output_gradients=y)

    return _bound(run, x)


def _bound(function: Callable[..., Any], *of: Any) -> Callable[[], Any]:
    """A call of a graph of one function with these tensors; other arguments are constants."""
    tensors = [each for each in of if tf.is_tensor(each)]

    def graph(*given: Any) -> Any:
        rest = iter(given)
        return function(*(next(rest) if tf.is_tensor(each) else each for each in of))

    traced = tf.function(graph, autograph=False)
    return lambda: traced(*tensors)


def seconds(forms: Forms, rounds: int) -> dict[str, float]:
    """The least processor time of a call of each, over rounds that alternate."""
    best = dict.fromkeys(forms, float("inf"))
    for _ in range(rounds + 1):
        for name, call in forms.items():
            began = time.process_time()
            for _ in range(5):
                call()
            best[name] = min(best[name], (time.process_time() - began) / 5)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default="", help="what begins so: norm, kernel 5x5 ...")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    wrong = 0
    for rules in (batch_norms(), kernel_gradients(), hard_swishes()):
        for what, forms, choice in rules:
            if not what.startswith(options.only):
                continue
            took = seconds(forms, options.rounds)
            slower = took[choice] > 1.1 * min(took.values())
            wrong += slower
            cells = ", ".join(f"{name} {1e6 * took[name]:.0f} us" for name in forms)
            print(f"{what}: {cells}: {choice}{'  <- the slower one' if slower else ''}", flush=True)
    print(f"{wrong} choices are slower than the other by more than a tenth")


if __name__ == "__main__":
    main()
