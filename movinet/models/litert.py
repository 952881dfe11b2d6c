"""A .tflite file that `python -m movinet export` wrote, run by what its manifest says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from movinet.machine.quiet import native_stderr_closed
from movinet.models.folder import MemberError
from movinet.models.model import Logits, Model, Wanted
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    from movinet.layers.pool import Pool


def litert_model(path: Path, wanted: Wanted) -> Model:
    """The file as a model: of whole clips, or of a stream. Raises MemberError."""
    manifest = read_manifest(path)
    image, streams = manifest["image"], bool(manifest["states"])
    own = ClipSpec(image["frames_per_call"], image["height"], image["frames_per_second"])
    if wanted.size not in (None, own.resolution) or (not streams and wanted.frames not in (None, own.frames)):
        raise MemberError(f"{path}: made for {own.frames} frames of {own.resolution} pixels; allowed: no other clip")
    labels = wanted.named() or tuple(manifest["labels"] or ()) or None
    names = wanted.names(labels, manifest["output"]["shape"][-1])
    from movinet.layers.pool import CUMULATIVE
    from movinet.models.runtime import litert_call

    loud, _ = litert_call(path)

    def call(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        with native_stderr_closed():  # the runtime greets at its first call
            return loud(inputs)

    def stream(pool: Pool) -> Logits:
        if pool != CUMULATIVE:
            raise MemberError(f"{path}: its averages are part of the file; allowed: no --pool")
        return LitertVideo(call, manifest).push

    clip = wanted.of(replace(own, frames=ClipSpec().frames) if streams else own)
    return Model(
        path.name,
        clip,
        names,
        lambda frames: LitertVideo(call, manifest).push(frames),
        stream if streams else None,
        manifest["multi_label"] if wanted.multi_label is None else wanted.multi_label,
    )


class LitertVideo:
    """One video: keeps the states that the file gives and takes."""

    def __init__(self, call: Any, manifest: dict[str, Any]):
        self._call, self._manifest = call, manifest
        self._states = {s["name"]: np.full(s["shape"], s["initial"], s["dtype"]) for s in manifest["states"]}

    def push(self, frames: np.ndarray) -> np.ndarray:
        """Frames (T, S, S, 3) in [0, 1], as many as one call takes or, of a stream, more -> logits (classes,)."""
        image, returned = self._manifest["image"], {}
        for part in np.split(frames, len(frames) // image["frames_per_call"]):
            given = {image["name"]: part.reshape(image["shape"]), **self._states}
            returned = self._call(given)
            for state in self._manifest["states"]:
                after = state["next"]
                value = returned[after["output"]] if "output" in after else given[after["input"]]
                self._states[state["name"]] = value
        return returned[self._manifest["output"]["name"]][0]


def read_manifest(path: Path) -> dict[str, Any]:
    """x.json beside x.tflite, or x.litert.json. Raises MemberError where it is missing, or is another file's."""
    later = path.with_suffix(".litert.json")  # where an export of another format had taken the name
    beside = later if later.is_file() else path.with_suffix(".json")
    for file in (path, beside):
        if not file.is_file():
            raise MemberError(f"{file}: no such file; allowed: what `python -m movinet export` wrote, its .json too")
    try:
        manifest = json.loads(beside.read_text(encoding="utf-8"))
        image, digest = manifest["image"], manifest["sha256"]
        manifest.setdefault("multi_label", False)  # files of before it was told
        known = image["range"] == [0.0, 1.0] and image["colours"] == "RGB" and image["height"] == image["width"]
    except (ValueError, KeyError, TypeError) as error:
        raise MemberError(f"{beside}: not a manifest of `python -m movinet export` ({error!r})") from error
    if not known:
        raise MemberError(f"{beside}: image is not allowed so; allowed: squares of RGB, range [0.0, 1.0]")
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise MemberError(f"{path}: not the file that {beside.name} describes (another SHA-256); export it again")
    return manifest
