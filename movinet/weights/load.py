"""Published and saved weights into our networks and back, whatever file they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from movinet.config.errors import InputError
from movinet.weights.keras_files import read_keras_file
from movinet.weights.mismatch import mismatch
from movinet.weights.pytorch_files import read_safetensors, read_torch
from movinet.weights.tensorflow_files import read_object_checkpoint
from movinet.weights.tensors import CheckpointError, NamedTensors, weights_by_path

CLASSIFIER = "classifier_head/classifier/"
READERS = {
    ".safetensors": read_safetensors,
    ".keras": read_keras_file,
    ".h5": read_keras_file,
    ".index": read_object_checkpoint,
    **dict.fromkeys((".pt", ".pth", ".bin"), read_torch),
}


@dataclass(frozen=True)
class LoadReport:
    """What `load_checkpoint` did.

    matched: paths of the model's weights that were set.  left_over: the checkpoint's keys that were not used, those of
    optimisers, moving averages and counters, and of a classifier that was not wanted.
    """

    matched: tuple[str, ...]
    left_over: tuple[str, ...]


def read_tensors(path: str | Path) -> NamedTensors:
    """What a file or folder of weights holds; see `load_checkpoint` for what it may be. Raises CheckpointError."""
    path = Path(path)
    anything = read_torch if path.is_file() else read_object_checkpoint
    return READERS.get(path.suffix, anything)(path)


def load_checkpoint(model: keras.Model, path: str | Path, head: Literal["keep", "new"] = "keep") -> LoadReport:
    """Sets the weights of a `build_movinet` model from a published or saved checkpoint.

    path: a TensorFlow object checkpoint, Checkpoint(model=...), as its folder or its prefix ("folder/ckpt-1"), or a
    SavedModel's folder; a state dict of the PyTorch port (github.com/Atze00/MoViNet-pytorch), a .safetensors file or
    what torch.save wrote (.pt, .pth, .bin, or no suffix; needs the extra "torch"); a .keras or .weights.h5 file of
    `build_movinet`.  Whatever else there is (optimiser, moving averages, counters) is reported, not read, and nothing
    in a file is run.  head: "new" leaves the model's last dense layer as it is, for another number of classes.
    Kernels of Conv3D and of Conv2D that compute the same (conv_type "3d_2plus1d" and "2plus1d") are taken for each
    other.

    Raises CheckpointError, before anything is set, with what is missing, left over or of another shape, and the likely
    cause.  Weights cannot tell whether 3-D convolutions were causal, nor what the activations were.
    """
    return load_tensors(model, read_tensors(path), path, head)


def load_tensors(model: keras.Model, tensors: NamedTensors, path: str | Path, head: str = "keep") -> LoadReport:
    """`load_checkpoint` of what `read_tensors(path)` found."""
    if head not in ("keep", "new"):
        raise InputError(f"head={head!r} is not allowed; allowed: 'keep', 'new'")
    shapes, weights = tensors.shapes, weights_by_path(model)
    if head == "new":
        weights = {name: weight for name, weight in weights.items() if not name.startswith(CLASSIFIER)}
        shapes = {name: shape for name, shape in shapes.items() if not name.startswith(CLASSIFIER)}
    wrong = mismatch(shapes, {name: tuple(weight.shape) for name, weight in weights.items()})
    if wrong:
        raise CheckpointError(f"{path}: {wrong}")
    for weight, value in zip(weights.values(), tensors.read(list(weights)), strict=True):
        weight.assign(value.reshape(weight.shape))
    unused = {key for name, key in tensors.keys.items() if name not in weights}
    return LoadReport(tuple(weight.path for weight in weights.values()), tuple(sorted(tensors.left_over | unused)))
