"""State dicts of PyTorch: read from .safetensors and torch files, written as .safetensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from movinet.machine.files import write_whole
from movinet.weights.pytorch_names import official_axes, port_axes, state_name, weight_names
from movinet.weights.tensors import CheckpointError, NamedTensors, unreadable

WRAPPERS = ("state_dict", "model_state_dict", "model")  # what training loops put a state dict under
COUNTER = "num_batches_tracked"


def read_safetensors(path: Path) -> NamedTensors:
    """What a .safetensors file holds; PyTorch is not needed. Raises CheckpointError."""
    from safetensors import SafetensorError, safe_open

    def read(keys: Sequence[str]) -> list[np.ndarray]:
        try:
            with safe_open(path, framework="np") as file:
                return [file.get_tensor(key) for key in keys]
        except (OSError, SafetensorError, TypeError) as error:  # TypeError: a type that NumPy lacks
            raise unreadable(path, error) from error

    try:
        with safe_open(path, framework="np") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from error
    return _named(path, shapes, read)


def read_torch(path: Path) -> NamedTensors:
    """What a file of torch.save holds, by torch's weights-only loader: no code in the file is run.

    The state dict may lie under "state_dict", "model_state_dict" or "model".  Raises CheckpointError.
    """
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        hint = "pip install 'movinet-search[torch]'; a .safetensors file needs no PyTorch"
        raise CheckpointError(f"{path}: reading a torch file needs PyTorch: {hint}") from error
    from pickle import UnpicklingError

    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        advice = "save the state dict alone: torch.save(model.state_dict(), path)"
        raise CheckpointError(
            f"{path} is not read: it holds Python objects other than tensors, or is torn; {advice}"
        ) from error
    except Exception as error:  # of a file that is none of torch's, the unpickler fails with anything at all
        raise unreadable(path, error) from error
    if not isinstance(saved, Mapping):
        raise CheckpointError(f"{path} holds a {type(saved).__name__}; a state dict is needed")
    state = next((saved[name] for name in WRAPPERS if isinstance(saved.get(name), Mapping)), saved)
    tensors = {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
    beside = {str(key) for key in saved if saved is not state and saved[key] is not state}
    return _named(
        path,
        {key: tuple(tensor.shape) for key, tensor in tensors.items()},
        lambda keys: [tensors[key].to(torch.float32).numpy() for key in keys],
        beside,
    )


def write_safetensors(model: Any, path: Path) -> None:
    """Writes the weights of a `build_movinet` model under the port's newer names, atomically."""
    from safetensors.numpy import save

    conv = "conv3d" if model.get_layer("stem").conv_type == "3d" else "conv2d"
    tensors = {}
    for weight in model.weights:
        layer = model.get_layer(weight.path.split("/")[0])
        value = port_axes(np.asarray(weight.numpy(), np.float32), depthwise="/feature/" in weight.path)
        if conv == "conv2d" and value.ndim == 5:  # conv_type "3d_2plus1d": one tap in time, or time alone
            value = value.squeeze(2 if value.shape[2] == 1 else 4)
        tensors[state_name(weight.path, conv, pooled_skip=getattr(layer, "stride", 1) > 1)] = value
    write_whole(path, save(tensors))  # save_file would make a file that nobody else may read


def _named(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    read: Callable[[Sequence[str]], list[np.ndarray]],
    beside: Collection[str] = (),
) -> NamedTensors:
    """The tensors of a state dict by our paths; beside: what else was found."""
    try:
        keys = weight_names(shapes)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not keys:
        raise CheckpointError(f"{path} holds no MoViNet: no tensor in it is the PyTorch port's conv1")
    others = {key for key in shapes.keys() - keys.values() if not key.endswith(COUNTER)}
    return NamedTensors(
        keys,
        {name: official_axes(np.broadcast_to(0, shapes[key])).shape for name, key in keys.items()},
        frozenset(others.union(beside)),
        lambda names: [official_axes(value) for value in read([keys[name] for name in names])],
    )
