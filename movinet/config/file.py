"""YAML config files as plain data: read strictly, inherited, overridden from the command line, written out whole.

A file may name others that it changes, `base: other.yaml`; `movinet.config.typed` makes dataclasses of what comes out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from movinet.config.kinds import misplaced
from movinet.config.typed import ConfigError, show, unknown


def read_yaml(path: str | Path) -> Any:
    """The file's content as plain dicts, lists and scalars. Raises ConfigError, one line that names file and line.

    A key that stands twice is an error, and so is anything that is not YAML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); allowed: a YAML file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; allowed: a YAML file in UTF-8") from error
    return parse_yaml(text, path)


def parse_yaml(text: str, where: str | Path) -> Any:
    """As `read_yaml`, of text. where: what errors call it."""
    import yaml

    try:
        return yaml.load(text, _strict_loader())
    except RecursionError as error:
        raise ConfigError(f"{where}: nested too deeply; allowed: YAML of a few levels") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        what = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(f"{where}{line}: not YAML ({' '.join(what.split())})") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not YAML ({' '.join(str(error).split())})") from error


def read_config(
    path: str | Path, overrides: Iterable[str] = (), sections: Collection[str] = (), kinds: Sequence[str] = ()
) -> tuple[dict, dict]:
    """A config file's data, with its bases below it and `key=value` overrides on top; and each dotted key's origin.

    sections: the allowed top-level keys.  kinds: of `movinet.config.kinds`, that the file may be of.  An origin is a
    file's path or "--set".  Raises ConfigError.
    """
    data, origins = _with_bases(Path(path), ())
    if kinds and (wrong := misplaced(path, data, *kinds)):
        raise ConfigError(wrong)
    for name in data:
        if name not in sections:
            raise unknown(f"{origin_of(name, origins)}: {name}", name, sections)
    for text in overrides:
        before = flat(data)
        override(data, text, sections)
        changed = {key for key, value in flat(data).items() if key not in before or before[key] != value}
        origins |= dict.fromkeys({*changed, text.partition("=")[0]}, "--set")
    return data, {key: origin for key, origin in origins.items() if key in _keys(data)}


def placed(error: Exception | str, path: str | Path, origins: Mapping[str, str]) -> str:
    """The text of an error that begins with a setting's dotted key, after where that setting comes from."""
    key = (re.match(r"[\w.]+", str(error)) or [""])[0]
    origin = origin_of(key, origins) or str(path)
    return f"{origin} {error}" if origin == "--set" else f"{origin}: {error}"


def describe(settings: Any, origins: Mapping[str, str]) -> str:
    """Every value of a tree of settings by its dotted key, and where it comes from: a file, --set, or a default."""
    lines = [(f"{key}: {_value(value)}", origin_of(key, origins)) for key, value in flat(plain(settings)).items()]
    width = min(max(len(text) for text, _ in lines), 60)
    return "\n".join(f"{text:<{width}}  # {origin or 'default'}" for text, origin in lines)


def origin_of(key: str, origins: Mapping[str, str]) -> str | None:
    """Where a dotted key's value comes from: the key's own origin, that of a key within or around it; None: a default.

    A section whose keys come from several places counts as the last one's.
    """
    if key in origins:
        return origins[key]
    inside = [origin for name, origin in origins.items() if name.startswith(f"{key}.")]
    around = [origin for name, origin in origins.items() if key.startswith(f"{name}.")]
    return next(reversed([*around, *inside]), None)


def _with_bases(path: Path, below: tuple[Path, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    resolved = path.resolve()
    if resolved in below:
        raise ConfigError(f"{below[-1]}: base={path} is not allowed; allowed: a file that does not lead back to itself")
    own = read_yaml(path)
    if not isinstance(own, Mapping):
        raise ConfigError(f"{path}: not a config; allowed: a mapping of settings")
    own = dict(own)
    base = own.pop("base", None)
    if base is None:
        return own, dict.fromkeys(flat(own), str(path))
    if not isinstance(base, str) or not (path.parent / base).is_file():
        raise ConfigError(f"{path}: base={base} is not allowed; allowed: a YAML file that exists, relative to this one")
    data, origins = _with_bases(Path(os.path.normpath(path.parent / base)), (*below, resolved))
    merged = _merged(data, own)
    kept = {key: origin for key, origin in origins.items() if key in flat(merged)}
    return merged, kept | dict.fromkeys(flat(own), str(path))


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings key by key, anything else as a whole."""
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def override(data: dict[str, Any], text: str, sections: Collection[str]) -> None:
    """Sets one dotted key, e.g. search.trials=8; a section's keys are checked when the settings are built."""
    import yaml

    key, equals, written = text.partition("=")
    if not (equals and key):
        raise ConfigError(f"--set {text} is not allowed; allowed: key=value, such as search.trials=8")
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text} is not allowed; allowed: a value in YAML") from error
    *path, name = key.split(".")
    if (first := key.split(".")[0]) not in sections and path:
        raise unknown(f"--set {key}", first, sections)
    place = data
    for section in path:
        inner = place.get(section)
        if inner is not None and not isinstance(inner, Mapping):
            raise ConfigError(f"--set {text} is not allowed; {section} holds {inner!r}, not a mapping")
        place[section] = place = dict(inner or {})
    place[name] = value


def plain(value: Any) -> Any:
    """Dataclasses and tuples as plain dicts and lists, every default written out."""
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if hasattr(value, "to_plain"):
        return plain(value.to_plain())
    if (names := _field_names(type(value))) is not None:
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


@cache
def _field_names(kind: Any) -> tuple[str, ...] | None:
    """Of a dataclass; None for what is none."""
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else None


def flat(data: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested mappings as one, by dotted keys."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= flat(value, f"{path}{key}.") if isinstance(value, Mapping) and value else {f"{path}{key}": value}
    return found


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The dotted keys in which two nested mappings differ, and both values; None where one has no such key."""
    one, other = flat(old), flat(new)
    return {key: (one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)}


def _keys(data: Mapping[str, Any], path: str = "") -> set[str]:
    """The dotted keys of sections and values."""
    found = set()
    for key, value in data.items():
        found |= {f"{path}{key}"} | (_keys(value, f"{path}{key}.") if isinstance(value, Mapping) else set())
    return found


def _value(value: Any) -> str:
    return str(value) if isinstance(value, (list, dict)) else show(value)


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first of the `differences`; None if there is none."""
    return next(((key, *values) for key, values in differences(old, new).items()), None)


def to_yaml(data: Any) -> str:
    """YAML text of plain data, without anchors: what two places share is written out where it stands."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(data, Dumper=Dumper, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


def _strict_loader() -> type:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML keeps the last of two equal keys without a word."""

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            node = super().compose_mapping_node(anchor)
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value} stands twice", problem_mark=key.start_mark)
                seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
            return node

    return Loader
