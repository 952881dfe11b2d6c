"""x.json beside x.tflite: all that a program needs to run the file, and a runner that is such a program."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export.signature import Signature

if TYPE_CHECKING:
    from movinet.export.written import Job

VERSION = 1


def manifest(job: Job, signature: Signature, report: dict[str, Any]) -> dict[str, Any]:
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
        "output": {"name": "logits", "shape": [1, job.model.output_shape[-1]], "dtype": "float32"},
        "labels": list(job.labels) if job.labels else None,
    }


def write_manifest(data: dict[str, Any], file: Path) -> None:
    """x.json and x_runner.py beside `file`."""
    file.with_suffix(".json").write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
    source = files("movinet.export").joinpath("runner.py").read_text(encoding="utf-8")
    file.with_name(f"{file.stem}_runner.py").write_text(
        source.replace('"model.json"', json.dumps(f"{file.stem}.json")), encoding="utf-8"
    )
