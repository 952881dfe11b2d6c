"""Model Garden's own LiteRT files of a published network, made in its environment, with our weights.

    PYTHON convert.py '{"network": "a0-stream", "classes": 600, "image": [1, 1, 172, 172, 3], "checkpoint": ...,
                            "files": {"float32": "x.tflite", "dynamic": "y.tflite"}}'

Prints one line of JSON: the libraries' versions.  As the original's README converts: by way of a SavedModel with all
states as inputs and outputs of its signature, and no settings but the quantisation.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runner import garden_network  # pyright: ignore[reportMissingImports]  # run by its path: the file beside this one

os.environ["TF_USE_LEGACY_KERAS"] = "1"


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Writes the files of the job; whoever asked for them gives them their place."""
    import tensorflow as tf
    import tf_keras  # pyright: ignore[reportMissingImports]

    stream, shape = job["network"].endswith("-stream"), job["image"]
    network = garden_network(job["network"], job["classes"], stream, shape)
    states = network.init_states(shape) if stream else {}
    network({"image": tf.zeros(shape), **states})  # a network has no weights before its first call
    tf.train.Checkpoint(model=network).restore(job["checkpoint"]).assert_existing_objects_matched().expect_partial()
    saved: Any = tf.Module()
    saved.held = network.weights  # the network itself would bring a graph of each of its layers: minutes
    with TemporaryDirectory() as folder:
        tf.saved_model.save(saved, folder, signatures=serving(network, shape, states))
        for quantize, file in job["files"].items():
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            if quantize == "dynamic":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            Path(file).write_bytes(converter.convert())
    return {"tensorflow": tf.__version__, "keras": tf_keras.__version__}


def serving(network: Any, shape: list[int], states: dict[str, Any]) -> Any:
    """The network as a function of named tensors of fixed shapes -> logits and, of a stream, the next states."""
    import tensorflow as tf

    specs = {name: tf.TensorSpec(state.shape, state.dtype, name=name) for name, state in states.items()}
    specs["image"] = tf.TensorSpec(shape, tf.float32, name="image")

    @tf.function(input_signature=[specs], autograph=False)
    def call(inputs):
        logits, later = network(inputs) if states else (network(inputs), {})
        return {"logits": logits, **later}

    return call.get_concrete_function()


if __name__ == "__main__":
    print(json.dumps(convert(json.loads(sys.argv[1]))))
