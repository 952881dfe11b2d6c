"""What a video shows, according to a family member: its folder holds spec.yaml, labels.json and model.keras."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from movinet.config.errors import InputError
from movinet.data.batching.augment import Draw, centre_box
from movinet.data.batching.cut import cut
from movinet.data.sources.clip_set import ClipFile
from movinet.data.video.frames import decode
from movinet.data.video.reading import open_clip
from movinet.spec import ClipSpec, MovinetSpec, spec_from_yaml

if TYPE_CHECKING:
    import keras

MEMBER_FILES = ("spec.yaml", "labels.json", "model.keras")


class MemberError(InputError):
    """A folder is no family member; the text names the folder and what is missing or wrong."""


@dataclass(frozen=True)
class Member:
    """A trained network's folder, what the network was made for, and the names of its outputs.

    multi_label: each class is a yes or no of its own, as config.yaml says of the training.
    """

    folder: Path
    spec: MovinetSpec
    labels: tuple[str, ...]
    multi_label: bool = False


def read_member(folder: str | Path) -> Member:
    """What `folder` says of its network, without TensorFlow. Raises MemberError or SpecError."""
    folder = Path(folder)
    missing = [name for name in MEMBER_FILES if not (folder / name).is_file()]
    if missing:
        found = ", ".join(str(path.parent) for path in sorted(folder.glob("**/model.keras"))[:6])
        hint = f"models are in {found}" if found else "allowed: a folder such as runs/default/family/A2"
        raise MemberError(f"{folder}: no model here ({', '.join(missing)} missing); {hint}")
    labels = read_labels(folder / "labels.json")
    return Member(folder, spec_from_yaml(folder / "spec.yaml"), labels, _is_multi_label(folder / "config.yaml"))


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


def predict(
    network: keras.Model, clip: np.ndarray, labels: Sequence[str], top: int = 5, multi_label: bool = False
) -> list[tuple[str, float]]:
    """The `top` labels of a clip (T, H, W, 3) in [0, 1] with their probabilities, the likeliest first.

    Raises ValueError for a clip in another range.
    """
    if clip.dtype.kind != "f" or not -0.01 <= clip.min() <= clip.max() <= 1.01:  # some resizing overshoots a little
        found = f"{clip.dtype} from {clip.min():g} to {clip.max():g}"
        raise ValueError(f"a clip of {found} is not allowed; allowed: floats from 0 to 1")
    logits = np.asarray(network(clip[None], training=False))[0]
    return likeliest(class_probabilities(logits, multi_label), labels, top)


def class_probabilities(logits: Any, multi_label: bool = False) -> np.ndarray:
    """Logits (..., classes) -> float64 of that shape: softmax, or the sigmoid of each where clips have many classes."""
    logits = np.asarray(logits, np.float64)
    if multi_label:
        return 0.5 + 0.5 * np.tanh(logits / 2)  # exp(-x) would overflow
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def likeliest(
    probabilities: np.ndarray, labels: Sequence[str], top: int = 5, threshold: float = 0.0
) -> list[tuple[str, float]]:
    """The `top` labels whose probability, of (classes,), is `threshold` or more, the likeliest first."""
    best = np.argsort(-probabilities, kind="stable")[:top]
    return [(labels[int(k)], float(probabilities[k])) for k in best if probabilities[k] >= threshold]


def centre_clip(video: str | Path, clip: ClipSpec) -> tuple[np.ndarray, str | None]:
    """The middle of a video, in time and space, as float32 (T, S, S, 3) in [0, 1]; and what was broken in the file.

    A video shorter than the clip is repeated.  Only the part that is needed is decoded.  A folder of pictures will do.
    """
    with open_clip(ClipFile(Path(video), "")) as file:
        start = max(0.0, ((file.seconds or 0.0) - clip.seconds) / 2)
        times = [start + frame / clip.frames_per_second for frame in range(clip.frames)]
        decoded = decode(file, times=times, short_side=2 * clip.resolution)
    return centre_square(decoded.frames, clip.resolution), decoded.damage


def centre_square(frames: np.ndarray, size: int) -> np.ndarray:
    """The middle of frames (T, H, W, 3) uint8 as float32 (T, size, size, 3) in [0, 1]."""
    out = np.empty((len(frames), size, size, 3), np.float32)
    cut(frames, np.arange(len(frames)), Draw(centre_box(*frames.shape[1:3])), out)
    return np.minimum(out, 1, out=out)  # resizing rounds white to a few bits more


def read_labels(path: str | Path) -> tuple[str, ...]:
    """The names in a JSON list, or in the lines of any other file. Raises MemberError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        labels = json.loads(text) if path.suffix == ".json" else text.splitlines()
    except OSError as error:
        raise MemberError(f"{path}: {error.strerror or 'cannot be read'}") from error
    except ValueError as error:
        raise MemberError(f"{path}: not {'JSON' if path.suffix == '.json' else 'text'} ({error})") from error
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise MemberError(f"{path}: {str(labels)[:40]} is not allowed; allowed: a list of class names")
    return tuple(labels)


def _is_multi_label(config: Path) -> bool:
    """Whether a model folder's config.yaml, where it has one, says so."""
    import yaml

    if not config.is_file():
        return False
    try:
        data = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MemberError(f"{config}: not YAML ({' '.join(str(error).split())})") from error
    train = data.get("train") if isinstance(data, dict) else None
    return isinstance(train, dict) and train.get("multi_label") is True
