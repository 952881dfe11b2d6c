"""What a network computes, on the backend of KERAS_BACKEND: logits of a clip, of its frames, and two steps of training.

python -m tests.on_backend SPEC.json WEIGHTS.weights.h5 OUT.npz
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from movinet.model import build_movinet
from movinet.spec import MovinetSpec, spec_from_dict
from movinet.streaming import initial_states, stream_model

CLASSES, FRAMES, SIZE = 5, 3, (24, 27)


def results(spec: MovinetSpec, weights: Path) -> dict[str, np.ndarray]:
    """logits; for a causal network those after each frame; the losses of two steps of SGD; logits after them."""
    model = build_movinet(spec, CLASSES)
    model.load_weights(weights)
    rng = np.random.default_rng(3)
    clips, labels = rng.random((1, FRAMES, *SIZE, 3), dtype=np.float32), np.array([1])
    found = {"logits": model.predict(clips, verbose=0)}
    if spec.causal:
        stream, states = stream_model(model), initial_states(model, 1, SIZE)
        for frame in range(FRAMES):
            states = stream.predict({"image": clips[:, frame : frame + 1], **states}, verbose=0)
            found[f"logits after frame {frame}"] = states.pop("logits")
    model.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit = model.fit(clips, labels, epochs=2, shuffle=False, verbose=0)
    return {**found, "losses": np.array(fit.history["loss"]), "trained": model.predict(clips, verbose=0)}


if __name__ == "__main__":
    spec, weights, out = map(Path, sys.argv[1:])
    np.savez(out, backend=keras.backend.backend(), **results(spec_from_dict(json.loads(spec.read_text())), weights))
