"""What the commands of `bench` share: options that are checked before anything is measured, and lines of progress."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from movinet.config.errors import InputError

BUSY = 0.5  # load average


def check_least(options: argparse.Namespace, **least: float) -> None:
    """Raises InputError for an option, or one of its values, that is below its least."""
    for name, allowed in least.items():
        given = getattr(options, name)
        if (value := min(given) if isinstance(given, list) else given) < allowed:
            raise InputError(f"--{name.replace('_', '-')} {value} is not allowed; allowed: {allowed} or more")


def out_file(name: str, suffixes: Sequence[str]) -> Path:
    """A file that can be written. Raises InputError."""
    path = Path(name)
    if path.suffix.lower() not in suffixes:
        raise InputError(f"--out {name} is not allowed; allowed: a file that ends in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise InputError(f"--out {name}: {path.parent} is no folder")
    return path


def peer_python(python: str) -> str:
    """The interpreter, once it is known to have Model Garden. Raises InputError."""
    found = shutil.which(python)
    if not found:
        raise InputError(f"--peer {python} is no program; allowed: the python of an environment with Model Garden")
    look = "import importlib.util as u, sys; sys.exit(not (u.find_spec('official') and u.find_spec('tensorflow')))"
    if subprocess.run([found, "-c", look], capture_output=True).returncode:
        raise InputError(f"--peer {python} has no tf-models-official; `python -m movinet bench models --help` says how")
    return found


def warn_if_busy(machine: dict[str, Any]) -> None:
    """Says so where others keep the machine busy."""
    if (load := machine["load_average"] or 0) > BUSY:
        tell(f"note: the machine is busy (load {load:.1f}): times will not repeat")


def tell(line: str) -> None:
    """A line of progress, beside the table that goes to the standard output."""
    print(line, file=sys.stderr, flush=True)
