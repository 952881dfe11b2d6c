"""Files of a network for other runtimes, each proved against the network before it is put in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export.errors import RequestError
from movinet.export.formats.format import Format
from movinet.export.formats.registry import FORMATS, having
from movinet.export.job import DEFAULT, ExportJob, Form
from movinet.machine.devices import forgotten_custom_gradients
from movinet.machine.files import drafts, put_all
from movinet.machine.progress import Say, silent
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras
    import numpy as np

    from movinet.models.model import Model


def export(
    model: keras.Model,
    path: str | Path,
    format: str = DEFAULT,
    quantize: str | None = None,
    *,
    stream: bool | None = None,
    clip: ClipSpec | None = None,
    labels: Sequence[str] | None = None,
    multi_label: bool = False,
    clips: Sequence[np.ndarray] | None = None,
    calibration: Sequence[np.ndarray] | None = None,
    rank4: bool = False,
    fixed: bool = False,
    at_frames: Sequence[int] = (1, 50),
    say: Say = silent,
) -> dict[str, Any]:
    """Writes a `build_movinet` model for another runtime, loads it there and compares; returns the report.

    path: the file, or the folder of a SavedModel.  format: one of FORMATS, which tell what else may be asked of each.
    quantize: of LiteRT only: None, "float16", "dynamic", "int8".
    stream: frame by frame with the states as inputs and outputs (default: if the model is causal), else whole clips of
    `clip` (default 50 frames of 172 pixels at 5 a second).  labels: names of the classes; multi_label: each is a yes or
    no of its own, which the manifest tells and the runners heed.
    clips: (T, S, S, 3) float32 in [0, 1] to compare on (default: drawn shapes); calibration: those that tell int8 its
    ranges (default: the same).  rank4: a stream of tensors of rank 4 at most, for GPU delegates.  fixed: a SavedModel
    of constants for one video of this size, without init_states, as TFLiteConverter wants it.  at_frames: after how
    many frames of a stream the logits are compared.  say: takes lines of progress.

    A network trained in mixed precision is written, and compared, in float32; as a .keras file it stays what it is.
    Beside a file `x.tflite` or `x.onnx` lie x.json, the manifest (states, preprocessing, labels, hashes), x_runner.py,
    which needs NumPy and the runtime only, for LiteRT x_runner.mjs, and x.report.json; where those are another file's,
    x.onnx.json and so on.  An earlier export to the same path makes way.  Raises ExportError, and leaves everything as
    it was, for operators that are not built in (it names the layer) and where logits differ by more than 1e-4 of the
    greatest (float16: 1e-2).
    """
    from movinet.export.write import write
    from movinet.model import in_float32, is_causal

    _check_backend()
    path, form = Path(path), Form(format, quantize, rank4, fixed)
    streams = bool(is_causal(model) if stream is None else stream)
    _check(path, form, streams)
    from movinet.export.sample_clips import checked, drawn_clips

    clip, model = clip or ClipSpec(), in_float32(model) if FORMATS[format].streams else model
    shown = drawn_clips(clip) if clips is None else checked(clips, clip.resolution, "clips")
    met = shown if calibration is None else checked(calibration, clip.resolution, "calibration")
    named, stops = None if labels is None else tuple(map(str, labels)), tuple(at_frames)
    _check_sizes(model, named, stops)
    job = ExportJob(
        model,
        form,
        streams,
        clip,
        labels=named,
        multi_label=multi_label,
        clips=shown,
        calibration=met,
        at_frames=stops,
        say=say,
    )
    with drafts(path.parent) as folder, forgotten_custom_gradients():
        draft = folder / path.name
        stem = _stem(path, format)
        report = write(job, draft, stem)
        draft.with_name(f"{stem}.report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        put_all(folder, last=path.name)
    return report


def export_loaded(model: Model, path: Path, form: Form, **how: Any) -> dict[str, Any]:
    """`export` of what `load_model` found, with what that tells: clip, labels, multi_label. how: its other options."""
    from movinet.machine.quiet import native_stderr_closed

    how |= {"clip": model.clip, "labels": model.labels or None, "multi_label": model.multi_label}
    with native_stderr_closed():
        return export(model.keras_network(), path, **asdict(form), **how)


def _check_backend() -> None:
    import keras

    if (backend := keras.backend.backend()) != "tensorflow":
        raise RequestError(f"KERAS_BACKEND={backend} is not allowed; allowed: tensorflow, on the same networks")


def _check(path: Path, form: Form, streams: bool) -> None:
    name, quantize = form.format, form.quantize
    if name not in FORMATS:
        raise RequestError(f"format {name!r} is not allowed; allowed: {', '.join(FORMATS)}")
    format = FORMATS[name]
    if quantize is not None and quantize not in format.quantizations:
        allowed = ", ".join(format.quantizations) or f"none but for {having('quantizations')}"
        raise RequestError(f"quantize {quantize!r} of {name} is not allowed; allowed: {allowed}")
    if form.rank4 and not (streams and format.rank4):
        raise RequestError(f"rank4 is not allowed here; allowed: for streams as {having('rank4')}")
    if form.fixed and not format.fixed:
        raise RequestError(f"fixed is not allowed for {name}, whose sizes are fixed; allowed: for {having('fixed')}")
    if path.name in ("", ".."):
        raise RequestError(f"{path} is not allowed; allowed: the name of a file, or of a SavedModel's folder")
    if format.suffix and path.suffix != format.suffix:
        raise RequestError(f"{path}: a {name} file must end in {format.suffix}")
    _check_place(path, name, format)


def _check_place(path: Path, name: str, format: Format) -> None:
    """Only an earlier export to this path may be replaced."""
    if format.suffix:
        if path.is_dir():
            raise RequestError(f"{path} is a folder; allowed: the name of a file")
    elif path.is_file() or (path.is_dir() and any(path.iterdir()) and not (path / format.mark).exists()):
        raise RequestError(f"{path}: what lies there is no {name}; allowed: a new name, or one to replace")


def _stem(path: Path, format: str) -> str:
    """How the names of the files beside it begin: x of x.onnx, or x.onnx where x.report.json is another file's."""
    stem = path.name.removesuffix(FORMATS[format].suffix)
    try:
        other = json.loads(path.with_name(f"{stem}.report.json").read_text(encoding="utf-8"))["file"]
    except (OSError, ValueError, LookupError, TypeError):  # none of ours
        return stem
    return f"{stem}.{format}" if other != path.name and (path.parent / other).exists() else stem


def _check_sizes(model: keras.Model, labels: tuple[str, ...] | None, at_frames: tuple[int, ...]) -> None:
    classes = model.output_shape[-1]
    if labels is not None and len(labels) != classes:
        raise RequestError(f"{len(labels)} labels are not allowed; allowed: {classes}, one for each class")
    if not at_frames or min(at_frames) < 1:
        raise RequestError(f"at_frames {at_frames} is not allowed; allowed: 1 or more")
