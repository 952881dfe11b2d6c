"""One file of an export: written, run, compared."""

from __future__ import annotations

import errno
import hashlib
import math
from pathlib import Path
from typing import Any

import tensorflow as tf

from movinet.export.errors import ExportError
from movinet.export.formats.registry import FORMATS, having
from movinet.export.job import ExportJob
from movinet.export.manifest import manifest, write_manifest
from movinet.export.proof import LIMITS, agreements
from movinet.export.signature import Signature, clip_signature, frame_signature, stream_signature
from movinet.model import foreign_part, is_causal


def write(job: ExportJob, draft: Path, stem: str) -> dict[str, Any]:
    """Writes `draft`, and manifest and runners, named by `stem`; returns the report. Raises ExportError."""
    form, format = job.form, FORMATS[job.form.format]
    job.say(f"converting to {form.format}{f' ({form.quantize})' if form.quantize else ''} ...")
    _check_layers(job, draft.name)
    format.check_installed(form.format)
    signature = signature_of(job)
    report: dict[str, Any] = {"file": draft.name, "format": form.format, "quantize": form.quantize}
    try:
        report |= format.write(job, signature, draft) or {}
    except tf.errors.OpError as error:  # a full disk, in TensorFlow's words
        raise OSError(errno.EIO, error.message) from error
    call, report["runtime"] = format.call(draft)
    files = [draft] if draft.is_file() else sorted(path for path in draft.rglob("*") if path.is_file())
    report["bytes"] = sum(file.stat().st_size for file in files)
    job.say(f"comparing in {report['runtime']} ...")
    report["agreement"] = agreements(job.model, signature, call, job.clips, job.at_frames, job.say)
    _check_agreement(report["agreement"], job, draft.name)
    if format.runners:
        report["sha256"] = hashlib.sha256(draft.read_bytes()).hexdigest()
        write_manifest(manifest(job, signature, report), draft, stem, format.runners)
    return report


def signature_of(job: ExportJob) -> Signature:
    """How the file is called."""
    form, format = job.form, FORMATS[job.form.format]
    int8 = form.quantize == "int8"
    if not (job.streams and format.streams):
        return clip_signature(job.model, job.clip, int8)
    signature = (frame_signature if form.rank4 else stream_signature)(job.model, job.clip.resolution, int8)
    return signature.with_next(format.next_prefix) if format.next_prefix else signature


def _check_layers(job: ExportJob, name: str) -> None:
    """The graph of frames knows the layers of `build_movinet` alone, and streams are causal. Raises ExportError."""
    part, form = foreign_part(job.model), job.form
    if job.streams and not part and not is_causal(job.model):
        raise ExportError(f"{name}: frame by frame is not allowed, the network is not causal; allowed: whole clips")
    if part and (job.streams or form.quantize or form.fixed or not FORMATS[form.format].any_layers):
        allowed = f"whole clips in float32, as {having('any_layers')}"
        raise ExportError(f"{name}: {job.model.name} has {part}; allowed: {allowed}")


def _check_agreement(rows: list[dict[str, Any]], job: ExportJob, name: str) -> None:
    limit = LIMITS.get(job.form.quantize, math.inf)  # NaN and infinite ones are no logits
    for row in rows:
        if not row["relative_error"] < limit:
            raise ExportError(
                f"{name}: after {row['frames']} frames the logits are {row['relative_error']:.1e} off those of Keras; "
                f"allowed: {limit:g} of the greatest; nothing was written"
            )
