"""One measurement in a process of its own, for our networks and for Model Garden's alike.

    PYTHON measure.py '{"side": "ours", "what": "forward", ...}'   (see `movinet.bench.networks.networks.NetworkJob`)

Prints one line of JSON.  Both sides are timed, and their memory read, by the same lines; only the building differs.
Model Garden's environment (Keras 2) runs this file by its path: no import of ours but where our networks are built.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

COUNTS_FRAMES = {"a3", "a4", "a5"}  # published streams with a positional encoding
LEARNING_RATE = 0.01


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Times and bytes of the job; `libraries_bytes` is the peak before the network is built."""
    build = model_garden if job["side"] == "peer" else ours
    os.environ["TF_USE_LEGACY_KERAS"] = str(int(job["side"] == "peer"))
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(job["threads"])
    make, optimizer, keras_version = build(job)
    libraries = peak_bytes()
    model, states = make()
    size = job["size"]
    clip = tf.random.uniform((job["batch"], 1 if job["what"] == "frame" else job["frames"], size, size, 3))
    run = {"forward": forward, "training": training, "frame": frame}[job["what"]]
    milliseconds = times(run(model, clip, states, optimizer), job["runs"], job["seconds"])
    return {
        "milliseconds": statistics.median(milliseconds),
        "runs": len(milliseconds),
        "parameters": model.count_params(),
        "peak_bytes": peak_bytes(),
        "libraries_bytes": libraries,
        "versions": {"tensorflow": tf.__version__, "keras": keras_version},
    }


def ours(job: dict[str, Any]) -> tuple[Callable[[], Any], Any, str]:
    """Loads the libraries; returns what makes (model, states), an optimizer and the version of Keras."""
    import keras

    from movinet.bench.networks.random_weights import move_from_zero
    from movinet.deploy.fuse import fuse
    from movinet.model import build_movinet
    from movinet.spec import spec_from_dict
    from movinet.streaming import initial_states, stream_model

    def make():
        model = build_movinet(spec_from_dict(job["spec"]), job["classes"])
        move_from_zero(model)
        model = fuse(model) if job["side"] == "fused" else model
        if job["what"] != "frame" or job["side"] == "fused":
            return model, None
        return stream_model(model), initial_states(model, job["batch"], job["size"])

    return make, keras.optimizers.SGD(LEARNING_RATE), keras.version()


def model_garden(job: dict[str, Any]) -> tuple[Callable[[], Any], Any, str]:
    """The same of Model Garden's network."""
    import official.projects.movinet.modeling.movinet_model  # noqa: F401  # pyright: ignore[reportMissingImports]
    import tf_keras  # pyright: ignore[reportMissingImports]

    external, size = job["what"] == "frame", job["size"]

    def make():
        model = garden_network(job["network"], job["classes"], external)
        return model, model.init_states((job["batch"], 1, size, size, 3)) if external else None

    return make, tf_keras.optimizers.SGD(LEARNING_RATE), tf_keras.__version__


def garden_network(network: str, classes: int, external: bool, shape: Any = (None, None, None, None, 3)) -> Any:
    """Model Garden's classifier of that published name; external: states in and out, for one frame after the other."""
    import tf_keras  # pyright: ignore[reportMissingImports]
    from official.projects.movinet.modeling import movinet, movinet_model  # pyright: ignore[reportMissingImports]

    identifier, kind = network.split("-")
    stream = kind == "stream"
    arguments: dict[str, Any] = {}
    if stream:
        arguments = {
            "conv_type": "2plus1d",
            "se_type": "2plus3d",
            "activation": "hard_swish",
            "gating_activation": "hard_sigmoid",
            "use_positional_encoding": identifier in COUNTS_FRAMES,
        }
    specs = tf_keras.layers.InputSpec(shape=shape)
    backbone = movinet.Movinet(
        model_id=identifier, causal=stream, use_external_states=external, input_specs=specs, **arguments
    )
    return movinet_model.MovinetClassifier(
        backbone, num_classes=classes, output_states=external, input_specs={"image": specs}
    )


def forward(model: Any, clip: Any, states: None, optimizer: Any) -> Callable[[], Any]:
    import tensorflow as tf

    call = tf.function(lambda x: model(x, training=False), autograph=False)
    call.get_concrete_function(clip)  # traced here: of the largest networks that takes a minute
    return lambda: call(clip).numpy()


def training(model: Any, clip: Any, states: None, optimizer: Any) -> Callable[[], Any]:
    import tensorflow as tf

    labels = tf.zeros([clip.shape[0]], tf.int32)

    @tf.function(autograph=False)
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    step.get_concrete_function(clip)
    return lambda: step(clip).numpy()


def frame(model: Any, image: Any, states: dict[str, Any] | None, optimizer: Any) -> Callable[[], Any]:
    """One frame after the other: each goes on from the states that the last one left. Fused, as a frozen stream."""
    import tensorflow as tf

    if states is None:
        from movinet.streaming import Stream

        stream = Stream(model, frozen=True)
        return lambda: stream.push(image).numpy()
    call, held = tf.function(lambda inputs: model(inputs, training=False), autograph=False), dict(states)

    def run():
        out = call({"image": image, **held})
        logits, later = (out.pop("logits"), out) if isinstance(out, dict) else out
        held.update(later)
        return logits.numpy()

    return run


def times(run: Callable[[], Any], runs: int, seconds: float) -> list[float]:
    """Milliseconds of `runs` runs after one that warms up, fewer where they take more than `seconds` together.

    A first run of more than a minute is the measurement itself: what it warms up is a small part of it.
    """
    first = _milliseconds(run)
    if first > 60_000:
        return [first]
    spent, began = [], time.perf_counter()
    while len(spent) < runs and (not spent or time.perf_counter() - began < seconds):
        spent.append(_milliseconds(run))
    return spent


def _milliseconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def peak_bytes() -> int:
    """The most memory this process has held so far.

    Linux: VmHWM, which starts anew in this program, as ru_maxrss does not.
    """
    if os.path.exists("/proc/self/status"):
        with open("/proc/self/status", encoding="utf-8") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
