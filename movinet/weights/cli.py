"""`python -m movinet convert`: weights from any file we read into any file we write, proved by reading it back."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from movinet.config.errors import InputError
from movinet.config.typed import meant
from movinet.presets import PRESETS
from movinet.spec import CONV_TYPES, MovinetSpec, read_spec
from movinet.weights.outline import NAMES, fitting_preset
from movinet.weights.save import SUFFIXES, write_proved

if TYPE_CHECKING:
    from movinet.weights.load import LoadReport

SHOWN = 6  # of what was left over: an optimiser's state is hundreds of tensors
EXAMPLES = """examples:
  python -m movinet convert movinet_a0_stream movinet_a0_stream.safetensors       the published folder, for PyTorch
  python -m movinet convert modelA0_statedict_v3 a0.keras --network a0-base      PyTorch's (needs the extra "torch")
  python -m movinet convert a0.keras mine.weights.h5 --classes 12 --head new     another classifier, not yet trained
  python -m movinet convert runs/default/family/A2/model.keras ckpt/a2 --network runs/default/family/A2/spec.yaml
  python -m movinet convert base_3d_2plus1d base.keras --network a0-base --conv-type 2plus1d

SOURCE: a TensorFlow checkpoint (folder or prefix), a SavedModel's folder, .safetensors (the PyTorch port's names),
        a torch file with its state dict, .keras, .weights.h5
DEST:   .safetensors, .keras, .weights.h5; a name without a suffix is the prefix of a TensorFlow checkpoint
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawTextHelpFormatter
    parser.add_argument("source", metavar="SOURCE", help="weights to read")
    parser.add_argument("dest", metavar="DEST", help="what to write")
    parser.add_argument("--network", help="a published name (a0-stream) or a spec.yaml (default: told by the weights)")
    parser.add_argument("--classes", type=int, metavar="N", help="classes of the classifier (default: the source's)")
    parser.add_argument(
        "--head", choices=("keep", "new"), default="keep", help="new: a fresh last layer, for other classes"
    )
    parser.add_argument("--conv-type", choices=CONV_TYPES, help="build the network so (default: as it is)")
    parser.add_argument("--force", action="store_true", help="replace DEST")


def main(options: argparse.Namespace) -> int:
    """Converts and says what matched. Raises InputError with one line for what cannot be converted."""
    dest = Path(options.dest)
    _check_dest(dest, options.force)
    if options.classes is not None and options.classes < 1:
        raise InputError(f"--classes {options.classes} is not allowed; allowed: 1 or more")
    named = _read_network(options.network) if options.network else None
    print(f"reading {options.source} ...", flush=True)
    from movinet.model import build_movinet
    from movinet.weights.load import load_tensors, read_tensors
    from movinet.weights.tensors import CheckpointError

    tensors = read_tensors(options.source)
    name, spec = named or fitting_preset(options.source, tensors, options.conv_type)
    spec = replace(spec, conv_type=options.conv_type or spec.conv_type)
    classes = options.classes or tensors.num_classes
    if classes is None:
        dense = "classifier_head/head/kernel" in tensors.shapes
        needed = "--classes N and --head new are needed" if dense else "a backbone alone is not converted"
        raise CheckpointError(f"{options.source} holds no classifier; {needed}")
    model = build_movinet(spec, classes)
    report = load_tensors(model, tensors, options.source, options.head)
    print(f"{name}, {classes} classes, conv_type {spec.conv_type}: {len(report.matched)} weights matched")
    _print_rest(report, fresh=len(model.weights) - len(report.matched))
    print(f"writing {dest} ...", flush=True)
    try:
        write_proved(model, build_movinet(spec, classes), dest)
    except OSError as error:
        raise CheckpointError(f"{dest} cannot be written ({error.strerror or error})") from error
    print(f"{dest}: read back, {len(model.weights)} weights equal bit by bit")
    return 0


def _print_rest(report: LoadReport, fresh: int) -> None:
    for key in report.left_over[:SHOWN]:
        print(f"  left over: {key}")
    if len(report.left_over) > SHOWN:
        print(f"  left over: {len(report.left_over) - SHOWN} more")
    if fresh:
        print(f"  new, not trained: {fresh} weights of the classifier")


def _check_dest(dest: Path, force: bool) -> None:
    """Before anything is read: whether it can be written."""
    prefix = not dest.name.endswith(SUFFIXES)
    if prefix and dest.suffix in (".pt", ".pth", ".bin", ".h5", ".index", ".onnx", ".tflite", ".npz"):
        raise InputError(f"{dest}: {dest.suffix} is not written; allowed: {', '.join(SUFFIXES)}, a checkpoint's prefix")
    if dest.is_dir():
        raise InputError(f"{dest} is a folder; a checkpoint's prefix is {dest / 'ckpt-1'}")
    taken = Path(f"{dest}.index") if prefix else dest
    if taken.exists() and not force:
        raise InputError(f"{taken} exists; --force replaces it")


def _read_network(network: str) -> tuple[str, MovinetSpec]:
    if network in PRESETS:
        return network, PRESETS[network]
    if not os.path.exists(network):
        allowed = f"{meant(network, PRESETS)}allowed: a spec.yaml or {NAMES}"
        raise InputError(f"--network {network}: no file and no published network; {allowed}")
    return network, read_spec(network)
