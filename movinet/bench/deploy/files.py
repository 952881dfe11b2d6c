"""What `bench deploy` measures: a network's own exports, and Model Garden's conversions of the same weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from movinet.bench.process import answer
from movinet.export.formats.registry import FORMATS, forms
from movinet.export.job import ExportJob, Form
from movinet.export.run import export_loaded
from movinet.machine.files import drafts, put_all
from movinet.machine.quiet import native_stderr_closed
from movinet.models.load import load_model, model_of
from movinet.models.model import Model, Wanted
from movinet.presets import PRESETS

if TYPE_CHECKING:
    import keras

PEER = Path(__file__).parents[1] / "peer" / "convert.py"
CLASSES = 600


PEER_FORMS = ("float32", "dynamic")  # what the original offers


def network_or_random(source: str, weights: str | None = None, labels: str | None = None) -> Model:
    """MODEL of `export`; a published name without weights gets random ones, since time does not depend on them.

    Raises what `load_model` raises.
    """
    with native_stderr_closed():
        if source in PRESETS and not weights:
            return model_of(source, _random(source), PRESETS[source].clip)
        model = load_model(source, Wanted(weights, labels))
    model.keras_network()  # an exported file is refused
    return model


def measurable() -> dict[str, Form]:
    """All forms that have a runner, by name."""
    return {name: form for name, form in forms().items() if FORMATS[form.format].runners}


def forms_of(network: Model) -> list[str]:
    """All forms that a network can have here, by name."""
    here = {name: form for name, form in measurable().items() if FORMATS[form.format].runs_here()}
    return [name for name, form in here.items() if network.streams or not form.rank4]


def write_form(network: Model, form: Form, folder: Path, clips: Sequence[np.ndarray] | None) -> Path:
    """Exports one file, proved on the clips, by which int8 is calibrated too (None: drawn ones). Raises ExportError."""
    path = folder / f"{network.stem}_{form.name}{FORMATS[form.format].suffix}"
    export_loaded(network, path, form, clips=clips)
    return path


def write_peer(network: Model, python: str, folder: Path, limit: float) -> dict[str, Path | str]:
    """Model Garden's files of a published network, by form, or why there is none. Those in the folder are kept.

    They have our weights, and beside them lie manifest and runner as beside ours, so that one loop calls both.
    """
    files = {form: folder / f"{network.name}_peer_{form}.tflite" for form in PEER_FORMS}
    frames, size, classes = network.clip.frames, network.clip.resolution, network.keras_network().output_shape[-1]
    made_from = {"network": network.name, "image": [1, 1 if network.streams else frames, size, size, 3]}
    made_from |= {"classes": classes, "weights": _digest(network.keras_network())}
    found: dict[str, Path | str] = {form: file for form, file in files.items() if _made_from(file) == made_from}
    missing = {form: file for form, file in files.items() if form not in found}
    if not missing:
        return found
    from movinet.weights.save import save_checkpoint

    with drafts(folder) as new, TemporaryDirectory() as weights:
        save_checkpoint(network.keras_network(), f"{weights}/weights")
        written = {form: new / file.name for form, file in missing.items()}
        job = {**made_from, "checkpoint": f"{weights}/weights", "files": {f: str(p) for f, p in written.items()}}
        said = answer([python, str(PEER), json.dumps(job)], limit)
        if "failure" in said:
            return found | dict.fromkeys(missing, str(said["failure"]))
        for form, file in written.items():
            _describe(network, forms()[form], file, {"made_from": made_from, "versions": said})
        put_all(new, last=".json")  # which says what a file was made from
    return found | missing


def _describe(network: Model, form: Form, file: Path, extra: dict[str, Any]) -> None:
    """The manifest and the runner: names and shapes of Model Garden's states are those of our own files."""
    from movinet.export.manifest import manifest, write_manifest
    from movinet.export.write import signature_of

    content = file.read_bytes()
    job = ExportJob(network.keras_network(), form, network.streams, network.clip, network.labels, network.multi_label)
    report = {"file": file.name, "format": form.format, "quantize": form.quantize, "bytes": len(content)}
    report["sha256"] = hashlib.sha256(content).hexdigest()
    told = manifest(job, signature_of(job), report) | extra
    write_manifest(told, file, file.stem, FORMATS[form.format].runners)


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
