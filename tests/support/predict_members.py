"""Tiny networks as the folders that `predict` takes."""

import json
from dataclasses import replace
from pathlib import Path

from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec, spec_to_yaml

SPEC = MovinetSpec(
    StemSpec(8),
    (BlockSpec(8, (LayerSpec(16, (3, 3, 3)),)),),
    HeadSpec(16, 16),
    ClipSpec(frames=4, resolution=24, frames_per_second=3.0),
)
CAUSAL = replace(SPEC, causal=True)
LABELS = ("falls", "rises", "turns")


def write_member(folder: Path, spec: MovinetSpec = SPEC, seed: int = 0, labels=LABELS) -> Path:
    """A model folder of random weights, whose answers differ from frame to frame."""
    import keras

    from movinet.model import build_movinet

    keras.utils.set_random_seed(seed)
    network = build_movinet(spec, len(labels))
    head = network.get_layer("classifier_head").classifier
    for weight in head.weights:
        weight.assign(100 * weight)  # far from even probabilities
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.yaml").write_text(spec_to_yaml(spec))
    (folder / "labels.json").write_text(json.dumps(labels))
    network.save(folder / "model.keras")
    return folder
