"""What an export format is. A new one is a file with a `Format`, and its line in `registry.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.export.errors import ExportError

if TYPE_CHECKING:
    from movinet.export.job import ExportJob
    from movinet.export.signature import Signature
    from movinet.models.runtime import Call


@dataclass(frozen=True)
class Format:
    """How files of one kind are written and run, and what may be asked of them. Loads no library before it is asked to.

    suffix: of the file's name; "" for a folder, in which lies `mark`, or it is not replaced.
    write: puts the network of a job at the path, and returns what that adds to the report; signature: what calls of
    the file take and return.  call: the file in its runtime, as a function of named arrays, and the runtime's name.
    quantizations: what `quantize` may be; rank4, fixed: may be asked for; streams: false for a file that takes clips of
    any network; any_layers: writes float32 clips of layers that `build_movinet` does not make, too.
    next_prefix: of returned states' names, where no name may be both an input's and an output's.
    runners: of movinet/export/runners, which lie beside the file with its manifest; none: no manifest either.
    runtime: the module that they need.  extra: of pyproject.toml, and the modules needed of it.
    """

    suffix: str
    write: Callable[[ExportJob, Signature, Path], dict[str, Any] | None]
    call: Callable[[Path], tuple[Call, str]]
    mark: str = ""
    quantizations: tuple[str, ...] = ()
    rank4: bool = False
    fixed: bool = False
    streams: bool = True
    any_layers: bool = False
    next_prefix: str = ""
    runners: tuple[str, ...] = ()
    runtime: str | None = None
    extra: tuple[str, tuple[str, ...]] = ("", ())

    def missing(self) -> str | None:
        """The first module of its extra that is not installed."""
        return next((module for module in self.extra[1] if not find_spec(module)), None)

    def runs_here(self) -> bool:
        """Whether it can be written here, and run by its runners."""
        package = (self.runtime or "").partition(".")[0]
        return bool(self.runners and package and find_spec(package) and not self.missing())

    def check_installed(self, name: str) -> None:
        """Raises ExportError where its extra is not installed. name: the format's."""
        if module := self.missing():
            raise ExportError(f'{name} files need the extra "{self.extra[0]}" ({module} is missing)')
