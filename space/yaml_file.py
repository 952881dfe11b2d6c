"""A space file's plain data, with the errors of a space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from movinet.config import file as config_file
from movinet.config.typed import ConfigError
from space.decision import SpaceError


def read_yaml(path: str | Path) -> Any:
    """As `movinet.config.file.read_yaml`, but raises SpaceError."""
    try:
        return config_file.read_yaml(path)
    except ConfigError as error:
        raise SpaceError(str(error)) from error
