"""A tree of frozen dataclasses from plain data, by their annotations; every error is one line with the key's path.

Values are checked twice: their type here, their range in the dataclass's own `__post_init__`, whose message starts with
`<Class>.<field>=`; the class name is replaced by the path under which the user knows it.  Standard library only.
"""

from __future__ import annotations

import difflib
import math
import re
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class ConfigError(ValueError):
    """A setting that is not allowed: the text names file, key, value and what is allowed, in one line."""


def build(kind: type[T], data: Any, path: str = "") -> T:
    """An instance of the dataclass `kind`; missing keys take their defaults. Raises ConfigError with the key's path."""
    hints = typing.get_type_hints(kind)
    names = [f.name for f in fields(typing.cast(Any, kind))]
    if not isinstance(data, Mapping):
        raise _refused(path, data, f"a mapping with {', '.join(names)}")
    for name in data:
        if name not in names:
            raise unknown(_join(path, name), name, names)
    for f in fields(typing.cast(Any, kind)):
        if f.name not in data and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{_join(path, f.name)} is missing; allowed: {describe(hints[f.name])}")
    values = {name: convert(hints[name], value, _join(path, name)) for name, value in data.items()}
    try:
        return kind(**values)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(_join(path, str(error).removeprefix(f"{kind.__name__}."))) from error


def convert(hint: Any, value: Any, path: str) -> Any:
    """`value` as the annotation wants it: int for float, "1e-3" (text to YAML) for float, lists for tuples."""
    if is_dataclass(hint):
        return build(typing.cast(type, hint), value, path)
    for option in _options(hint):
        if is_dataclass(option) and isinstance(value, Mapping):
            return build(typing.cast(type, option), value, path)
        fits, converted = _fit(option, value)
        if fits:
            return converted
    raise _refused(path, value, describe(hint))


def unknown(path: str, name: Any, names: Collection[str]) -> ConfigError:
    """The error for a key that does not exist, with the one that was probably meant."""
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]}? " if near else ""
    return ConfigError(f"{path} is not a setting; {meant}allowed: {', '.join(names)}")


def require(ok: bool, owner: object, name: str, allowed: str) -> None:
    """For `__post_init__`: raises ConfigError naming class, field, value and what is allowed."""
    if not ok:
        raise ValueError(
            f"{type(owner).__name__}.{name}={show(getattr(owner, name))} is not allowed; allowed: {allowed}"
        )


def describe(hint: Any) -> str:
    """What an annotation allows, in a user's words."""
    words = {
        int: "an integer",
        float: "a number",
        bool: "true or false",
        str: "text",
        type(None): "null",
        dict: "a mapping",
    }
    return " or ".join(_describe_option(option, words) for option in _options(hint))


def show(value: Any) -> str:
    """A value on one line, shortened."""
    text = " ".join(value.split()) if isinstance(value, str) else repr(value)
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else text
    return text if len(text) <= 60 else f"{text[:57]}..."


def _describe_option(option: Any, words: dict[Any, str]) -> str:
    origin = typing.get_origin(option)
    if origin is Literal:
        return ", ".join(map(str, typing.get_args(option)))
    if origin is tuple:
        items = typing.get_args(option)
        count = "" if items[-1] is Ellipsis else f"{len(items)} times "
        return f"a list of {count}{describe(items[0])}"
    if is_dataclass(option):
        return f"a mapping with {', '.join(f.name for f in fields(typing.cast(Any, option)))}"
    return words[origin or option]


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _fit(option: Any, value: Any) -> tuple[bool, Any]:
    """Whether a value is of this one kind, and the value in its own form."""
    origin = typing.get_origin(option)
    if origin is Literal:
        return value in typing.get_args(option) and not isinstance(value, bool), value
    if origin is tuple:
        return _fit_tuple(typing.get_args(option), value)
    if origin is dict or option is dict:
        return isinstance(value, Mapping), value
    if option is float:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return (True, float(value)) if is_number else (False, value)
    return isinstance(value, option) and (option is bool or not isinstance(value, bool)), value


def _fit_tuple(items: tuple[Any, ...], value: Any) -> tuple[bool, Any]:
    if not isinstance(value, (list, tuple)):
        return False, value
    kinds = [items[0]] * len(value) if items[-1] is Ellipsis else list(items)
    if len(kinds) != len(value):
        return False, value
    fits = [_fit(kind, item) for kind, item in zip(kinds, value, strict=True)]
    return all(fit for fit, _ in fits), tuple(item for _, item in fits)


def _refused(path: str, value: Any, allowed: str) -> ConfigError:
    return ConfigError(f"{path or 'the file'}={show(value)} is not allowed; allowed: {allowed}")


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)
