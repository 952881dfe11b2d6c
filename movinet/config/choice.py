"""A choice by name that brings settings of its own: which strategy, which early stopping.

In YAML a name (`strategy: evolution`), or a mapping with the name and the settings of what it names (`strategy: {name:
evolution, population: 40}`).  Beside the names of a registry, `package.module:Class` takes a class from outside: one
that derives from the registry's base and names its frozen dataclass of settings, as the house's do, in `Settings`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import Any, ClassVar, Self

from movinet.config.typed import ConfigError, build, show, unknown


@dataclass(frozen=True)
class NoSettings:
    """Of a class that has nothing to set."""


@dataclass(frozen=True)
class Choice:
    """What is chosen, and its settings, an instance of the chosen class's `Settings`.

    A subclass says among what: `registry`, name -> (class, its Settings); `base`, of classes from outside; `default`,
    the name where a mapping has none; `key`, under which a mapping has it.
    """

    name: str
    settings: Any

    registry: ClassVar[Mapping[str, tuple[type, type]]]
    base: ClassVar[type]
    default: ClassVar[str]
    key: ClassVar[str] = "name"

    @classmethod
    def usual(cls) -> Self:
        """The default, with the settings it has by default."""
        return cls.of(cls.default)

    @classmethod
    def of(cls, name: str, **settings: Any) -> Self:
        """The choice of this name; settings not given take their defaults. Raises ConfigError."""
        return cls.from_plain({cls.key: name, **settings}, name)

    @classmethod
    def from_plain(cls, value: Any, path: str) -> Self:
        """What YAML gives for the setting `path`. Raises ConfigError that says what is allowed, by the key's path."""
        if isinstance(value, str):
            return cls(value, build(cls._found(value, path)[1], {}, path))
        if not isinstance(value, Mapping):
            raise ConfigError(f"{path}={show(value)} is not allowed; allowed: {cls.allowed()}")
        name = value.get(cls.key, cls.default)
        if not isinstance(name, str):
            raise ConfigError(f"{path}.{cls.key}={show(name)} is not allowed; allowed: {cls._names()}")
        kind = cls._found(name, f"{path}.{cls.key}")[1]
        known = [cls.key, *(each.name for each in fields(kind))]
        for key in value:
            if key not in known:
                raise unknown(f"{path}.{key}", key, known)
        return cls(name, build(kind, {key: given for key, given in value.items() if key != cls.key}, path))

    def to_plain(self) -> dict[str, Any]:
        """What `from_plain` reads as this choice, every default written out."""
        return {self.key: self.name, **{each.name: getattr(self.settings, each.name) for each in fields(self.settings)}}

    @property
    def kind(self) -> type:
        """The chosen class."""
        return self._found(self.name, self.name)[0]

    @classmethod
    def allowed(cls) -> str:
        return f"a mapping with {cls.key}, or a name: {cls._names()}"

    @classmethod
    def _names(cls) -> str:
        return f"{', '.join(cls.registry)}, or package.module:Class"

    @classmethod
    def _found(cls, name: str, path: str) -> tuple[type, type]:
        """The class of this name, and that of its settings."""
        if name in cls.registry:
            return cls.registry[name]
        module, colon, wanted = name.partition(":")
        if not (module and colon and wanted):
            raise ConfigError(f"{path}={show(name)} is not allowed; allowed: {cls._names()}")
        kind = getattr(_imported(module, f"{path}={name}"), wanted, None)
        if not (isinstance(kind, type) and issubclass(kind, cls.base)):
            base = f"{cls.base.__module__}.{cls.base.__name__}"
            raise ConfigError(f"{path}={name} is not allowed; allowed: a class of that module that derives from {base}")
        settings = getattr(kind, "Settings", NoSettings)
        if not (isinstance(settings, type) and is_dataclass(settings)):
            raise ConfigError(f"{path}={name} cannot be used; {wanted}.Settings must be a frozen dataclass")
        return kind, settings


def _imported(module: str, what: str) -> Any:
    """A module from where Python looks, or else from the current folder. What it raises itself is its own fault."""
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(f"{what} cannot be imported ({error}); allowed: a module that Python finds") from error
