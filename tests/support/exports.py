"""A tiny network, its logits, and its files in each format, written once for all tests that only read them."""

import warnings
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import tensorflow as tf

from movinet.export.formats.registry import FORMATS
from movinet.export.run import export
from movinet.model import build_movinet
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.streaming import initial_states, stream_model

SIZE = 20
CLIP = ClipSpec(5, SIZE, 5.0)
LABELS = ("walk", "run", "jump")
SPEC = MovinetSpec(
    StemSpec(4),
    (BlockSpec(8, (LayerSpec(12, (3, 3, 3)), LayerSpec(16, (5, 1, 1)))),),
    HeadSpec(12, 16),
    CLIP,
    causal=True,
    conv_type="2plus1d",
    se_type="2plus3d",
    activation="hard_swish",
    gating_activation="hard_sigmoid",
)


def built(spec: MovinetSpec = SPEC, classes: int = len(LABELS)) -> keras.Model:
    """A model whose every weight is off its initial value, the same each time."""
    keras.utils.set_random_seed(0)
    model = build_movinet(spec, classes)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + rng.uniform(0.02, 0.2, weight.shape))
    return model


def keras_logits(model: keras.Model, frames: np.ndarray) -> np.ndarray:
    """Logits after each of the frames (T, S, S, 3), as one stream."""
    stream, states, rows = stream_model(model), initial_states(model, 1, frames.shape[1]), []
    for frame in frames:
        states = dict(stream({"image": tf.constant(frame[None, None]), **states}))
        rows.append(np.asarray(states.pop("logits"))[0])
    return np.stack(rows)


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, SIZE, SIZE, 3), dtype=np.float32)


def logits_of_the_originals_example(file: str, video: tf.Tensor) -> np.ndarray:
    """After all frames: as in github.com/tensorflow/models, official/projects/movinet/README.md, "TF Lite Example"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow announces that its interpreter moves to ai-edge-litert
        interpreter = tf.lite.Interpreter(file)
    runner = interpreter.get_signature_runner()

    def state_name(name: str) -> str:
        return name[len("serving_default_") : -len(":0")]

    init_states = {
        state_name(x["name"]): tf.zeros(x["shape"], dtype=x["dtype"]) for x in interpreter.get_input_details()
    }
    del init_states["image"]
    clips = tf.split(video, video.shape[1], axis=1)
    states = init_states
    for clip in clips:
        outputs = runner(**states, image=clip)
        logits = outputs.pop("logits")
        states = outputs
    return logits[0]


@cache
def written(name: str) -> Path:
    """`net` in this format, frame by frame, in a folder of its own that goes with the process."""
    path = Path(_folder(name).name, f"net{FORMATS[name].suffix}")
    export(built(), path, name, clip=CLIP, labels=LABELS, at_frames=(1, 7, 40))
    return path


@cache
def _folder(name: str) -> TemporaryDirectory:
    return TemporaryDirectory(prefix=f"{name}-")
