"""What a video shows, according to a family member: its folder holds spec.yaml, labels.json and model.keras."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from movinet.config.errors import InputError
from movinet.config.file import read_yaml
from movinet.spec import MovinetSpec, read_spec

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
    """What `folder` says of its network, without TensorFlow. Raises MemberError, SpecError or ConfigError."""
    folder = Path(folder)
    missing = [name for name in MEMBER_FILES if not (folder / name).is_file()]
    if missing:
        found = ", ".join(str(path.parent) for path in sorted(folder.glob("**/model.keras"))[:6])
        hint = f"models are in {found}" if found else "allowed: a folder such as runs/default/family/A2"
        raise MemberError(f"{folder}: no model here ({', '.join(missing)} missing); {hint}")
    labels = read_labels(folder / "labels.json")
    return Member(folder, read_spec(folder / "spec.yaml"), labels, _is_multi_label(folder / "config.yaml"))


def load_network(member: Member) -> keras.Model:
    """The network built from its spec and filled with the weights; no code in the files is run. Raises MemberError."""
    from movinet.model import build_movinet

    network = build_movinet(member.spec, len(member.labels))
    try:
        network.load_weights(member.folder / "model.keras")
    except (OSError, ValueError, KeyError, BadZipFile) as error:  # torn, or of another network
        reason = str(error).splitlines()[0]
        raise MemberError(f"{member.folder}/model.keras does not hold the weights of spec.yaml ({reason})") from error
    return network


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
    data = read_yaml(config) if config.is_file() else None
    train = data.get("train") if isinstance(data, dict) else None
    return isinstance(train, dict) and train.get("multi_label") is True
