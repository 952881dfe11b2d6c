"""What `bench deploy` measures: a network's own exports, and Model Garden's conversions of the same weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from movinet.bench.process import answer
from movinet.export.network import Network, read_network
from movinet.export.run import SUFFIXES, export
from movinet.machine.files import drafts, put_all
from movinet.machine.quiet import native_stderr_closed
from movinet.models.model import Wanted
from movinet.presets import PRESETS

if TYPE_CHECKING:
    import keras

PEER = Path(__file__).parents[1] / "peer" / "convert.py"
CLASSES = 600


@dataclass(frozen=True)
class Form:
    """How a network is written: runtime, quantisation, and a stream's tensors. name: in tables and for --formats."""

    name: str
    format: str
    quantize: str | None
    rank4: bool


KINDS = {"float32": None, "float16": "float16", "dynamic": "dynamic", "int8": "int8", "onnx": None}
FORMS = {
    name + suffix: Form(name + suffix, "onnx" if name == "onnx" else "litert", quantize, bool(suffix))
    for name, quantize in KINDS.items()
    for suffix in ("", "-rank4")
}
PEER_FORMS = ("float32", "dynamic")  # what the original offers


def network_or_random(source: str, weights: str | None = None, labels: str | None = None) -> Network:
    """MODEL of `export`; a published name without weights gets random ones, since time does not depend on them.

    Raises what `read_network` raises.
    """
    with native_stderr_closed():
        if source in PRESETS and not weights:
            return Network(source, _random(source), PRESETS[source].clip, None)
        return read_network(source, Wanted(weights, labels))


def forms_of(network: Network) -> list[str]:
    """All forms that a network can have here, by name."""
    onnx = find_spec("tf2onnx") and find_spec("onnxruntime")
    return [
        form.name for form in FORMS.values() if (network.streams or not form.rank4) and (onnx or form.format != "onnx")
    ]


def write_form(network: Network, form: Form, folder: Path, clips: Sequence[np.ndarray] | None) -> Path:
    """Exports one file, proved on the clips, by which int8 is calibrated too (None: drawn ones). Raises ExportError."""
    path = folder / f"{network.name}_{form.name}{SUFFIXES[form.format]}"
    with native_stderr_closed():
        export(
            network.model,
            path,
            form.format,
            form.quantize,
            clip=network.clip,
            labels=network.labels,
            multi_label=network.multi_label,
            clips=clips,
            rank4=form.rank4,
        )
    return path


def write_peer(network: Network, python: str, folder: Path, limit: float) -> dict[str, Path | str]:
    """Model Garden's files of a published network, by form, or why there is none. Those in the folder are kept.

    They have our weights, and beside them lie manifest and runner as beside ours, so that one loop calls both.
    """
    files = {form: folder / f"{network.name}_peer_{form}.tflite" for form in PEER_FORMS}
    frames, size, classes = network.clip.frames, network.clip.resolution, network.model.output_shape[-1]
    made_from = {"network": network.name, "image": [1, 1 if network.streams else frames, size, size, 3]}
    made_from |= {"classes": classes, "weights": _digest(network.model)}
    found: dict[str, Path | str] = {form: file for form, file in files.items() if _made_from(file) == made_from}
    missing = {form: file for form, file in files.items() if form not in found}
    if not missing:
        return found
    from movinet.weights.save import save_checkpoint

    with drafts(folder) as new, TemporaryDirectory() as weights:
        save_checkpoint(network.model, f"{weights}/weights")
        written = {form: new / file.name for form, file in missing.items()}
        job = {**made_from, "checkpoint": f"{weights}/weights", "files": {f: str(p) for f, p in written.items()}}
        said = answer([python, str(PEER), json.dumps(job)], limit)
        if "failure" in said:
            return found | dict.fromkeys(missing, str(said["failure"]))
        for form, file in written.items():
            _describe(network, form, file, {"made_from": made_from, "versions": said})
        put_all(new, last=".json")  # which says what a file was made from
    return found | missing


def _describe(network: Network, form: str, file: Path, extra: dict[str, Any]) -> None:
    """The manifest and the runner: names and shapes of Model Garden's states are those of our own files."""
    from movinet.export.job import Job
    from movinet.export.manifest import manifest, write_manifest

    quantize, content = KINDS[form], file.read_bytes()
    job = Job(
        model=network.model,
        format="litert",
        quantize=quantize,
        streams=network.streams,
        rank4=False,
        clip=network.clip,
        labels=network.labels,
        multi_label=network.multi_label,
        at_frames=(),
        fixed=False,
    )
    report = {"file": file.name, "format": "litert", "quantize": quantize, "bytes": len(content)}
    report["sha256"] = hashlib.sha256(content).hexdigest()
    write_manifest(manifest(job, job.signature(), report) | extra, file, file.stem)


def _made_from(file: Path) -> Any:
    """What a file of an earlier sitting was made from; None where there is none."""
    if not file.exists():
        return None
    try:
        return json.loads(file.with_suffix(".json").read_text(encoding="utf-8")).get("made_from")
    except (OSError, ValueError):
        return None


def _digest(model: keras.Model) -> str:
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(np.asarray(weight).tobytes())
    return digest.hexdigest()


def _random(name: str) -> keras.Model:
    """Always the same."""
    import keras

    from movinet.bench.networks.random_weights import move_from_zero
    from movinet.model import build_movinet

    keras.utils.set_random_seed(0)
    model = build_movinet(PRESETS[name], CLASSES)
    move_from_zero(model)
    return model
