"""A tree of frozen dataclasses from plain data, by their annotations; every error is one line with the key's path.

Values are checked twice: their type here, their range in the dataclass's own `__post_init__`, whose message starts with
`<Class>.<field>=`; the class name is replaced by the path under which the user knows it.  A field's metadata may say
in words what it allows, {"allowed": "an integer >= 1"}; else its annotation does.  A class that reads itself has
`from_plain(value, path)` and `allowed()` (`movinet.config.choice`).  Standard library only.
"""

from __future__ import annotations

import difflib
import math
import re
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

from movinet.config.errors import InputError

T = TypeVar("T")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LOOKS_TYPED = re.compile(rf"{_NUMBER.pattern}|true|false|null|", re.IGNORECASE)  # text that needs its quotes


class ConfigError(InputError):
    """A setting that is not allowed: the text names file, key, value and what is allowed, in one line."""


class _Field(NamedTuple):
    hint: Any
    is_needed: bool
    allowed: str | None


def build(kind: type[T], data: Any, path: str = "") -> T:
    """An instance of the dataclass `kind`; missing keys take their defaults. Raises ConfigError with the key's path."""
    known = _fields(kind)
    if not isinstance(data, Mapping):
        raise _refused(path, data, f"a mapping with {', '.join(known)}")
    for name in data:
        if name not in known:
            raise unknown(_join(path, name), name, known)
    for name, each in known.items():
        if each.is_needed and name not in data:
            raise ConfigError(f"{_join(path, name)} is missing; allowed: {each.allowed or describe(each.hint)}")
    values = {
        name: convert(known[name].hint, value, _join(path, name), known[name].allowed) for name, value in data.items()
    }
    try:
        return kind(**values)
    except ConfigError:
        raise
    except InputError as error:
        raise ConfigError(_join(path, str(error).removeprefix(f"{kind.__name__}."))) from error


@cache
def _fields(kind: Any) -> dict[str, _Field]:
    hints = typing.get_type_hints(kind)
    return {
        f.name: _Field(hints[f.name], f.default is MISSING and f.default_factory is MISSING, f.metadata.get("allowed"))
        for f in fields(kind)
    }


def convert(hint: Any, value: Any, path: str, allowed: str | None = None) -> Any:
    """`value` as the annotation wants it: int for float, "1e-3" (text to YAML) for float, lists for tuples.

    allowed: what an error says is, in words; by default what the annotation allows.
    """
    fits, converted = _fit(hint, value, path)
    if not fits:
        raise _refused(path, value, allowed or describe(hint))
    return converted


def unknown(path: str, name: Any, names: Collection[str]) -> ConfigError:
    """The error for a key that does not exist, with the one that was probably meant."""
    return ConfigError(f"{path} is not a setting; {meant(name, names)}allowed: {', '.join(names)}")


def meant(name: Any, names: Collection[str]) -> str:
    """For an error, before what is allowed: "did you mean ...? ", where one of the names is near."""
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f"did you mean {near[0]}? " if near else ""


def require(ok: bool, owner: object, name: str, allowed: str) -> None:
    """For `__post_init__`: raises InputError naming class, field, value and what is allowed; `build` tells the path."""
    if not ok:
        raise InputError(
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
    text = " ".join(value.split()) if isinstance(value, str) and not _LOOKS_TYPED.fullmatch(value) else repr(value)
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
    if hasattr(option, "from_plain"):
        return option.allowed()
    if is_dataclass(option):
        return f"a mapping with {', '.join(f.name for f in fields(typing.cast(Any, option)))}"
    return words[origin or option]


@cache
def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _fit(hint: Any, value: Any, path: str) -> tuple[bool, Any]:
    """Whether a value is of a kind that the annotation allows, and the value in that kind's own form."""
    for option in _options(hint):
        fits, converted = _fit_option(option, value, path)
        if fits:
            return True, converted
    return False, value


def _fit_option(option: Any, value: Any, path: str) -> tuple[bool, Any]:
    if option is float:
        return _fit_number(value)
    if option in (int, str, bool, type(None)):
        return isinstance(value, option) and (option is bool or not isinstance(value, bool)), value
    if hasattr(option, "from_plain"):
        return True, option.from_plain(value, path)
    if is_dataclass(option):
        is_mapping = isinstance(value, Mapping)
        return is_mapping, build(typing.cast(type, option), value, path) if is_mapping else value
    origin = typing.get_origin(option) or option
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in typing.get_args(option)), value
    if origin is tuple:
        return _fit_tuple(typing.get_args(option), value, path)
    return isinstance(value, Mapping if origin is dict else origin), value


def _fit_number(value: Any) -> tuple[bool, Any]:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return (True, float(value)) if is_number else (False, value)


def _fit_tuple(items: tuple[Any, ...], value: Any, path: str) -> tuple[bool, Any]:
    """A list's items, too. One that should be a dataclass is refused by its own path, such as layers[0]."""
    if not isinstance(value, (list, tuple)):
        return False, value
    kinds = [items[0]] * len(value) if items[-1] is Ellipsis else items
    if len(kinds) != len(value):
        return False, value
    pairs = zip(kinds, value, strict=True)
    if any(map(_holds_dataclass, items)):
        return True, tuple(convert(kind, item, f"{path}[{index}]") for index, (kind, item) in enumerate(pairs))
    fits = [_fit(kind, item, path) for kind, item in pairs]
    return all(fit for fit, _ in fits), tuple(item for _, item in fits)


@cache
def _holds_dataclass(hint: Any) -> bool:
    return is_dataclass(hint) or any(map(_holds_dataclass, typing.get_args(hint)))


def _refused(path: str, value: Any, allowed: str) -> ConfigError:
    return ConfigError(f"{path or 'the file'}={show(value)} is not allowed; allowed: {allowed}")


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)
