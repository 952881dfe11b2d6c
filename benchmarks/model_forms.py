"""How much faster the forms of `movinet.layers.tensorflow_forms` are than plain keras.ops, on this machine.

    python benchmarks/model_forms.py [--threads 1] [--runs 7] [--peer PYTHON_WITH_MODEL_GARDEN REFERENCE_SCRIPT]

Prints milliseconds (median) and ratios: forward pass and training step of a small network as a search trains it, and of
A0-Base.  With --peer also Model Garden's own time for A0-Base, measured in the same sitting by REFERENCE_SCRIPT
(its verb `time`), in an environment of its own.
"""

import argparse
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from movinet.layers import forms
from movinet.model import build_movinet
from movinet.presets import preset
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec

SMALL = MovinetSpec(
    StemSpec(8),
    (
        BlockSpec(8, (LayerSpec(24, (3, 3, 3)),)),
        BlockSpec(16, (LayerSpec(48, (1, 5, 5)),) * 2),
        BlockSpec(24, (LayerSpec(72, (5, 3, 3)),) * 2),
    ),
    HeadSpec(64, 128),
)
CASES: dict[str, tuple[MovinetSpec, tuple[int, int, int], bool]] = {
    # name: network, clip (batch, frames, size), training step or forward pass
    "small forward": (SMALL, (32, 8, 32), False),
    "small training step": (SMALL, (32, 8, 32), True),
    "A0-Base forward": (preset("a0-base"), (1, 50, 172), False),
    "A0-Base training step": (preset("a0-base"), (4, 8, 112), True),
}


def one_run(spec: MovinetSpec, clip: tuple[int, int, int], training: bool) -> Callable[[], Any]:
    """A compiled training step or forward pass over one random batch."""
    batch, frames, size = clip
    model = build_movinet(spec, 600)
    x = tf.constant(np.random.default_rng(0).random((batch, frames, size, size, 3), dtype=np.float32))
    if not training:
        forward = tf.function(lambda x: model(x, training=False), autograph=False)
        return lambda: forward(x).numpy()
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.build(model.trainable_variables)
    labels = tf.zeros([batch], tf.int32)

    @tf.function(autograph=False)
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(x, training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return lambda: step(x).numpy()


def milliseconds(run: Callable[[], Any], runs: int) -> float:
    """The median of `runs` runs, after two that trace and warm up."""
    times = []
    for index in range(runs + 2):
        start = time.perf_counter()
        run()
        if index >= 2:
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def peer_milliseconds(python: str, script: str, clip: tuple[int, int, int], training: bool, runs: int) -> float:
    batch, frames, size = map(str, clip)
    command = [python, script, "time", "--batch", batch, "--frames", frames, "--size", size, "--runs", str(runs)]
    done = subprocess.run(command + ["--train"] * training, check=True, capture_output=True, text=True)
    return 1000 * float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--peer", nargs=2, metavar=("PYTHON", "SCRIPT"))
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    for name, (spec, clip, training) in CASES.items():
        times = {}
        for form, on in (("ours", True), ("keras.ops", False)):
            forms.ON_TENSORFLOW = on
            times[form] = milliseconds(one_run(spec, clip, training), arguments.runs)
        if arguments.peer and spec is not SMALL:
            times["Model Garden"] = peer_milliseconds(*arguments.peer, clip, training, max(1, arguments.runs // 3))
        ratios = "  ".join(f"{form} {time:8.1f} ms ({time / times['ours']:.1f}x)" for form, time in times.items())
        print(f"{name:24s}{ratios}", flush=True)


if __name__ == "__main__":
    main()
