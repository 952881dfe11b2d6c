"""What a network computes, on the backend of KERAS_BACKEND: logits of a clip, of its frames, and two steps of training.

python -m tests.support.on_backend ASKED.json WEIGHTS.weights.h5 OUT.npz
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


def results(spec: MovinetSpec, weights: Path, by_frame: bool) -> dict[str, np.ndarray]:
    """logits; with `by_frame` those after each frame; the losses of two steps of SGD; logits after them ("trained")."""
    model = build_movinet(spec, CLASSES)
    model.load_weights(weights)
    rng = np.random.default_rng(3)
    clips, labels = rng.random((1, FRAMES, *SIZE, 3), dtype=np.float32), np.array([1])
    found = {"logits": model.predict(clips, verbose=0)}
    if by_frame:
        stream, states = stream_model(model), initial_states(model, 1, SIZE)
        for frame in range(FRAMES):
            states = stream.predict({"image": clips[:, frame : frame + 1], **states}, verbose=0)
            found[f"logits after frame {frame}"] = states.pop("logits")
    model.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit = model.fit(clips, labels, epochs=2, shuffle=False, verbose=0)
    return {**found, "losses": np.array(fit.history["loss"]), "trained": model.predict(clips, verbose=0)}


if __name__ == "__main__":
    asked, weights, out = map(Path, sys.argv[1:])
    values = json.loads(asked.read_text())
    found = results(spec_from_dict(values["spec"]), weights, values["by_frame"])
    np.savez(out, backend=keras.backend.backend(), **found)
