"""What a video shows, according to a family member: its folder holds spec.yaml, labels.json and model.keras."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from movinet.data.augment import Draw, centre_box
from movinet.data.pipeline import cut
from movinet.data.video import VideoFile, decode
from movinet.spec import ClipSpec, MovinetSpec, spec_from_yaml

if TYPE_CHECKING:
    import keras

MEMBER_FILES = ("spec.yaml", "labels.json", "model.keras")


class MemberError(ValueError):
    """A folder is no family member; the text names the folder and what is missing or wrong."""


@dataclass(frozen=True)
class Member:
    """A trained network's folder, what the network was made for, and the names of its outputs."""

    folder: Path
    spec: MovinetSpec
    labels: tuple[str, ...]


def read_member(folder: str | Path) -> Member:
    """What `folder` says of its network, without TensorFlow. Raises MemberError or SpecError."""
    folder = Path(folder)
    missing = [name for name in MEMBER_FILES if not (folder / name).is_file()]
    if missing:
        found = ", ".join(str(path.parent) for path in sorted(folder.glob("**/model.keras"))[:6])
        hint = f"models are in {found}" if found else "allowed: a folder such as runs/default/family/A2"
        raise MemberError(f"{folder}: no model here ({', '.join(missing)} missing); {hint}")
    return Member(folder, spec_from_yaml(folder / "spec.yaml"), _read_labels(folder / "labels.json"))


def load_network(member: Member) -> keras.Model:
    """The network built from its spec and filled with the weights; no code in the files is run. Raises MemberError."""
    from movinet.model import build_movinet

    network = build_movinet(member.spec, len(member.labels))
    try:
        network.load_weights(member.folder / "model.keras")
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise MemberError(f"{member.folder}/model.keras does not hold the weights of spec.yaml ({reason})") from error
    return network


def predict(network: keras.Model, clip: np.ndarray, labels: Sequence[str], top: int = 5) -> list[tuple[str, float]]:
    """The `top` labels of a clip (T, H, W, 3) in [0, 1] with their probabilities, the likeliest first."""
    logits = np.asarray(network(clip[None], training=False), np.float64)[0]
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    best = np.argsort(-probabilities, kind="stable")[:top]
    return [(labels[int(index)], float(probabilities[index])) for index in best]


def centre_clip(video: str | Path, clip: ClipSpec) -> tuple[np.ndarray, str | None]:
    """The middle of a video, in time and space, as float32 (T, S, S, 3) in [0, 1]; and what was broken in the file.

    A video shorter than the clip is repeated.  Only the part that is needed is decoded.
    """
    with VideoFile(video) as file:
        start = max(0.0, ((file.seconds or 0.0) - clip.seconds) / 2)
    times = [start + frame / clip.frames_per_second for frame in range(clip.frames)]
    decoded = decode(video, times=times, short_side=2 * clip.resolution)
    out = np.empty((clip.frames, clip.resolution, clip.resolution, 3), np.float32)
    cut(decoded.frames, np.arange(clip.frames), Draw(centre_box(*decoded.frames.shape[1:3])), out)
    return out, decoded.damage


def _read_labels(path: Path) -> tuple[str, ...]:
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MemberError(f"{path}: not JSON ({error})") from error
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise MemberError(f"{path}: {str(labels)[:40]} is not allowed; allowed: a list of class names")
    return tuple(labels)
