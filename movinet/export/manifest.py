"""x.json beside x.tflite: all that a program needs to run the file, and a runner that is such a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export.signature import Signature
from movinet.layers.head import Head

if TYPE_CHECKING:
    from movinet.export.job import ExportJob

VERSION = 1


def manifest(job: ExportJob, signature: Signature, report: dict[str, Any]) -> dict[str, Any]:
    """Plain data: inputs with shapes, initial values and what feeds them, preprocessing, labels, the file's hash."""
    return {
        "manifest": VERSION,
        **{key: report[key] for key in ("file", "format", "quantize", "bytes", "sha256")},
        "image": {
            "name": "image",
            "shape": list(signature.image),
            "dtype": "float32",
            "range": [0.0, 1.0],
            "colours": "RGB",
            "height": job.clip.resolution,
            "width": job.clip.resolution,
            "frames_per_call": 1 if job.streams else job.clip.frames,
            "frames_per_second": job.clip.frames_per_second,
            "resize": "the centre square, resized with antialiasing",
        },
        "states": [
            {
                "name": state.name,
                "shape": list(state.shape),
                "dtype": state.dtype,
                "initial": 0,
                "next": {"output": state.output} if state.output else {"input": state.shifted_from},
            }
            for state in signature.states
        ],
        "output": {
            "name": "logits",
            "shape": [1, job.model.output_shape[-1]],
            "dtype": "float32",
            "of": _seen(job),
        },
        "multi_label": job.multi_label,
        "labels": list(job.labels) if job.labels else None,
    }


def _seen(job: ExportJob) -> str:
    """Which frames the logits are of."""
    if not job.streams:
        return "the clip"
    by_frame = any(isinstance(layer, Head) and layer.pooling == "2d" for layer in job.model.layers)
    return "the newest frame" if by_frame else "all frames so far"


def write_manifest(data: dict[str, Any], file: Path, stem: str, runners: Sequence[str]) -> None:
    """stem.json beside `file`, and of these in export/runners a copy for it: stem_runner.py of runner.py."""
    file.with_name(f"{stem}.json").write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
    for runner in runners:
        source = files("movinet.export.runners").joinpath(runner).read_text(encoding="utf-8")
        file.with_name(f"{stem}_runner{Path(runner).suffix}").write_text(
            source.replace('"model.json"', json.dumps(f"{stem}.json")), encoding="utf-8"
        )
