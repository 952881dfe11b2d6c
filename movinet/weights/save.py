"""Weights of our networks into files, each read back before it gets its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from movinet.machine.files import drafts, put_all

if TYPE_CHECKING:
    import keras

SUFFIXES = (".safetensors", ".keras", ".weights.h5")


def save_checkpoint(model: keras.Model, prefix: str | Path) -> None:
    """Writes the weights of a `build_movinet` model as Model Garden's Checkpoint(model=MovinetClassifier(...)) would.

    prefix: what the files' names begin with, "folder/ckpt-1"; the folder is made.  Model Garden restores the checkpoint
    in a classifier of the same arguments, `assert_existing_objects_matched` included.
    """
    from movinet.weights.tensorflow_files import write_object_checkpoint
    from movinet.weights.tensors import check_published, weights_by_path

    check_published(model)
    write_object_checkpoint({name: weight.numpy() for name, weight in weights_by_path(model).items()}, Path(prefix))


def save_state_dict(model: keras.Model, path: str | Path) -> None:
    """Writes the weights of a `build_movinet` model as a state dict of the PyTorch port, a .safetensors file.

    `MoViNet(config, ...).load_state_dict(safetensors.torch.load_file(path))` takes it.  conv_type "3d_2plus1d" is
    written as "2plus1d", which computes the same.  The port has no positional encoding (its scalars are written as
    "se.position.alpha"), only squeeze-excite "3d" (base) and "2plus3d" (stream), and a gate in streams that is not the
    published one: 0.2 x + 0.5 for relu6(x + 3) / 6, so that a stream's logits differ there.
    """
    from movinet.weights.pytorch_files import write_safetensors
    from movinet.weights.tensors import check_published

    check_published(model)
    write_safetensors(model, Path(path))


def write_proved(model: keras.Model, twin: keras.Model, dest: Path) -> None:
    """Writes `model`'s weights, reads them into its `twin` and compares, then puts the files in their place at once.

    Raises CheckpointError if a weight differs by a bit; `dest` is then as it was.
    """
    from movinet.weights.load import load_checkpoint
    from movinet.weights.tensors import CheckpointError

    with drafts(dest.parent) as folder:
        draft = folder / dest.name
        if dest.name.endswith(".safetensors"):
            save_state_dict(model, draft)
        elif dest.name.endswith(".keras"):
            model.save(draft)
        elif dest.name.endswith(".weights.h5"):
            model.save_weights(draft)
        else:
            save_checkpoint(model, draft)
        load_checkpoint(twin, draft)
        for written, meant in zip(twin.weights, model.weights, strict=True):
            if written.numpy().tobytes() != meant.numpy().tobytes():
                raise CheckpointError(f"{dest}: {meant.path} reads back with other values; nothing was written")
        if not dest.name.endswith(SUFFIXES):
            Path(f"{dest}.index").unlink(missing_ok=True)  # without it the old tensors are no checkpoint
        put_all(folder, last=".index")
