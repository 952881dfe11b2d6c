"""One file of an export: written, scanned, run, compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from movinet.export.graph import is_movinet
from movinet.export.litert import convert, litert_file
from movinet.export.manifest import manifest, write_manifest
from movinet.export.operators import ExportError
from movinet.export.proof import LIMITS, agreements, litert_call
from movinet.export.saved_model import save_model
from movinet.export.signature import Signature, clip_signature, frame_signature, stream_signature
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras
    import numpy as np

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """What is exported, and how."""

    model: keras.Model
    format: str
    quantize: str | None
    streams: bool
    rank4: bool
    clip: ClipSpec
    labels: tuple[str, ...] | None
    at_frames: tuple[int, ...]

    def signature(self) -> Signature:
        """How the file is called."""
        int8 = self.quantize == "int8"
        if not self.streams:
            return clip_signature(self.model, self.clip, int8)
        return (frame_signature if self.rank4 else stream_signature)(self.model, self.clip.resolution, int8)


def write(
    job: Job, draft: Path, clips: Sequence[np.ndarray], calibration: Sequence[np.ndarray], say: Say
) -> dict[str, Any]:
    """Writes `draft` and what belongs beside it; returns the report. Raises ExportError."""
    say(f"converting to {job.format}{f' ({job.quantize})' if job.quantize else ''} ...")
    signature, report = job.signature(), {"file": draft.name, "format": job.format, "quantize": job.quantize}
    if job.format == "litert":
        content, counts = _litert(job, signature, draft.name, calibration)
        draft.write_bytes(content)
        call, runtime = litert_call(draft)
        report |= {"operators": counts, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    else:
        raise ExportError(f"format {job.format!r} is not written yet")
    say(f"comparing in {runtime} ...")
    rows = agreements(job.model, signature, call, clips, job.at_frames)
    report |= {"runtime": runtime, "agreement": rows}
    _check_agreement(rows, job, draft.name)
    write_manifest(manifest(job, signature, report), draft)
    return report


def _litert(
    job: Job, signature: Signature, name: str, calibration: Sequence[np.ndarray]
) -> tuple[bytes, dict[str, int]]:
    if is_movinet(job.model):
        return litert_file(signature, name, job.quantize, calibration)
    if job.streams or job.quantize:  # layers that `build_movinet` does not make go through Keras' own graph
        raise ExportError(f"{name}: {job.model.name} is not build_movinet's alone; allowed: whole clips in float32")
    with TemporaryDirectory() as folder:
        save_model(job.model, folder, False, signature.image)
        return convert(folder, name, {})


def _check_agreement(rows: list[dict[str, Any]], job: Job, name: str) -> None:
    limit = LIMITS.get(job.quantize)
    for row in rows:
        if limit is not None and not row["relative_error"] <= limit:
            raise ExportError(
                f"{name}: after {row['frames']} frames the logits are {row['relative_error']:.1e} off those of Keras; "
                f"allowed: {limit:g} of the greatest; nothing was written"
            )
