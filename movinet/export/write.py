"""One file of an export: written, scanned, run, compared."""

from __future__ import annotations

import errno
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from movinet.export.errors import ExportError
from movinet.export.formats.onnx_file import onnx_call, onnx_file, with_next_names
from movinet.export.formats.saved_model import keras_call, save_model, save_signature, saved_model_call
from movinet.export.job import Job
from movinet.export.litert.convert import convert, litert_file
from movinet.export.manifest import manifest, write_manifest
from movinet.export.progress import Say
from movinet.export.proof import LIMITS, agreements
from movinet.export.signature import Signature
from movinet.model import foreign_part, is_causal, is_movinet
from movinet.models.runtime import litert_call

if TYPE_CHECKING:
    import numpy as np

CALLS = {"litert": litert_call, "onnx": onnx_call, "saved_model": saved_model_call, "keras": keras_call}


def write(
    job: Job, draft: Path, stem: str, clips: Sequence[np.ndarray], calibration: Sequence[np.ndarray], say: Say
) -> dict[str, Any]:
    """Writes `draft`, and manifest and runners, named by `stem`; returns the report. Raises ExportError."""
    say(f"converting to {job.format}{f' ({job.quantize})' if job.quantize else ''} ...")
    _check_layers(job, draft.name)
    signature = job.signature()
    if job.format == "onnx":
        signature = with_next_names(signature)
    report: dict[str, Any] = {"file": draft.name, "format": job.format, "quantize": job.quantize}
    try:
        report |= _write_draft(job, signature, draft, calibration, say)
    except tf.errors.OpError as error:  # a full disk, in TensorFlow's words
        raise OSError(errno.EIO, error.message) from error
    call, report["runtime"] = CALLS[job.format](draft)
    files = [draft] if draft.is_file() else sorted(path for path in draft.rglob("*") if path.is_file())
    report["bytes"] = sum(file.stat().st_size for file in files)
    say(f"comparing in {report['runtime']} ...")
    report["agreement"] = agreements(job.model, signature, call, clips, job.at_frames, say)
    _check_agreement(report["agreement"], job, draft.name)
    if job.format in ("litert", "onnx"):
        report["sha256"] = hashlib.sha256(draft.read_bytes()).hexdigest()
        write_manifest(manifest(job, signature, report), draft, stem)
    return report


def _write_draft(
    job: Job, signature: Signature, draft: Path, calibration: Sequence[np.ndarray], say: Say
) -> dict[str, Any]:
    """Returns what the format adds to the report."""
    if job.format == "litert":
        content, counts = _litert(job, signature, draft.name, calibration, say)
        draft.write_bytes(content)
        return {"operators": counts}
    if job.format == "onnx":
        draft.write_bytes(onnx_file(signature))
    elif job.format == "keras":
        job.model.save(draft)
    elif job.fixed:
        save_signature(signature, draft)
    else:
        save_model(job.model, draft, job.streams)
    return {}


def _litert(
    job: Job, signature: Signature, name: str, calibration: Sequence[np.ndarray], say: Say
) -> tuple[bytes, dict[str, int]]:
    if is_movinet(job.model):
        return litert_file(signature, name, job.quantize, calibration, say)
    with TemporaryDirectory() as folder:  # layers that `build_movinet` does not make go through Keras' own graph
        save_model(job.model, folder, False, signature.image)
        return convert(folder, name, {})


def _check_layers(job: Job, name: str) -> None:
    """The graph of frames knows the layers of `build_movinet` alone, and streams are causal. Raises ExportError."""
    if job.streams and is_movinet(job.model) and not is_causal(job.model):
        raise ExportError(f"{name}: frame by frame is not allowed, the network is not causal; allowed: whole clips")
    keras_graph = job.format in ("litert", "saved_model", "keras") and not (job.quantize or job.fixed)
    if (part := foreign_part(job.model)) and (job.streams or not keras_graph):
        allowed = "whole clips in float32, as litert, saved_model or keras"
        raise ExportError(f"{name}: {job.model.name} has {part}; allowed: {allowed}")


def _check_agreement(rows: list[dict[str, Any]], job: Job, name: str) -> None:
    limit = LIMITS.get(job.quantize, math.inf)  # NaN and infinite ones are no logits
    for row in rows:
        if not row["relative_error"] < limit:
            raise ExportError(
                f"{name}: after {row['frames']} frames the logits are {row['relative_error']:.1e} off those of Keras; "
                f"allowed: {limit:g} of the greatest; nothing was written"
            )
