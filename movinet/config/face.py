"""Lazy faces of packages (PEP 562): public names that load their module when they are first asked for.

A face lists its names twice: in a table for Python, and as `import X as X` under TYPE_CHECKING for editors and type
checkers; `tests/test_faces.py` compares the two.  Inside the house nobody imports from a face.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def face(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of `package`: each name of `modules` is loaded from its module, then kept.

    A name "module:other" is called `other` there.  Unknown names raise AttributeError, as Python does.
    """

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, other = modules[name].partition(":")
        value = getattr(import_module(module), other or name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return load, names
