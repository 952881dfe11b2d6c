"""index.json of a frame cache: what lies where in frames.bin, with checksums of each clip and of the index itself."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from movinet.config.errors import InputError
from movinet.data.sources.clip_set import ClipFile

FORMAT = 2
NAME = "index.json"


class CacheError(InputError):
    """A cache cannot be built or read; the text says which, why, and what to change."""


def write_index(folder: Path, index: dict[str, Any]) -> None:
    """Writes the index, its checksum last."""
    index = {"format": FORMAT, **index}
    text = json.dumps(index | {"checksum": checksum(json.dumps(index).encode())})
    (folder / NAME).write_text(text, encoding="utf-8")


def read_index(folder: Path) -> dict[str, Any] | None:
    """The index in a folder; None where there is none or another format's. Raises CacheError where it is damaged."""
    try:
        text = (folder / NAME).read_text(encoding="utf-8")
        index = json.loads(text)
        if index["format"] != FORMAT:
            return None
        if index.pop("checksum") != checksum(json.dumps(index).encode()):
            raise ValueError("its checksum is another")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise CacheError(f"{folder}: {NAME} cannot be read ({error}); delete the folder to build it anew") from error
    return index


def entry_of(clip: ClipFile, label: int, shape: tuple[int, ...], content: Any) -> dict[str, Any]:
    """What the index says of a clip whose frames are `content`; its file is told so that it can be decoded again."""
    file = asdict(replace(clip, path=Path())) | {"path": str(clip.path.absolute()), "label": ""}
    told = {name: value for name, value in file.items() if value is not None and value != ""}
    entry = {"path": clip.place, "split": clip.split, "label": label, "shape": shape}
    return entry | {"file": told, "checksum": checksum(content)}


def clip_of(entry: dict[str, Any]) -> ClipFile:
    """The clip that an entry's frames were decoded from."""
    return ClipFile(**entry["file"] | {"path": Path(entry["file"]["path"]), "label": ""})


def checksum(content: Any) -> int:
    """CRC-32 of bytes, or of an array of bytes."""
    return zlib.crc32(content)
