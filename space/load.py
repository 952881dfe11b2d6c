"""A space file, YAML, into a Space and a Budget; every error is one line with file, key, value and what is allowed."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from movinet.config.file import plain
from movinet.config.kinds import SPACE, misplaced
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from space import rules
from space.budget import Budget
from space.decision import Decision, SpaceError, layer_decisions
from space.rules import Rule
from space.space import Space
from space.yaml_file import read_yaml

SECTIONS = ("space", "budget")
FLOPS = {"flops": 1, "mflops": 1e6, "gflops": 1e9}
MEGABYTE = 1_000_000  # bytes


def load_space(source: str | Path | Mapping[str, Any], sections: Collection[str] = SECTIONS) -> Space:
    """The space of a YAML file, or of a mapping that holds what such a file holds.

    sections: the top-level keys that the file may have; a run's config has more than a space file. Raises SpaceError.
    """
    document, where = _document(source, sections)
    reader = _Reader(where)
    return reader.space(reader.mapping(document.get("space"), "space"))


def load_budget(source: str | Path | Mapping[str, Any], sections: Collection[str] = SECTIONS) -> Budget | None:
    """The budget of the same file; None if it sets none. Raises SpaceError."""
    document, where = _document(source, sections)
    if "budget" not in document:
        return None
    reader = _Reader(where)
    section = reader.mapping(document["budget"], "budget")
    reader.check_keys(section, "budget", rules.BUDGET)
    reader.check_one(section, "budget", tuple(FLOPS), is_needed=False)
    limits = {key: reader.single(value, f"budget.{key}", rules.BUDGET[key]) for key, value in section.items()}
    flops = [round(limits[key] * unit) for key, unit in FLOPS.items() if key in limits]
    return Budget(
        flops=flops[0] if flops else None,
        parameters=limits.get("parameters"),
        activation_bytes=round(limits["activation_mb"] * MEGABYTE) if "activation_mb" in limits else None,
        buffer_bytes=round(limits["buffer_mb"] * MEGABYTE) if "buffer_mb" in limits else None,
    )


def _document(source: str | Path | Mapping[str, Any], sections: Collection[str]) -> tuple[Mapping[str, Any], str]:
    where = "" if isinstance(source, Mapping) else f"{source}: "
    document = source if isinstance(source, Mapping) else read_yaml(source)
    if where and tuple(sections) == SECTIONS and (wrong := misplaced(str(source), document, SPACE)):
        raise SpaceError(wrong)
    reader = _Reader(where)
    reader.check_keys(reader.mapping(document, "the file"), "", sections)
    return document, where


@dataclass
class _Reader:
    """Reads the sections of one file, and collects decisions and fixed values on its way."""

    where: str
    decisions: list[Decision] = field(default_factory=list)
    fixed: dict[str, Any] = field(default_factory=lambda: {"width": 1.0})

    def space(self, data: Mapping[str, Any]) -> Space:
        blocks = self.block_names(data)
        self.check_keys(data, "space", ("clip", "model", "stem", *blocks, "head"))
        self.section(data, "clip", rules.CLIP, needed=("frames_per_second", "resolution"), one_of=("seconds", "frames"))
        self.section({"model": {}, **data}, "model", rules.MODEL, defaults=_defaults(MovinetSpec, rules.MODEL))
        self.section(data, "stem", rules.STEM, needed=("filters",), defaults=_defaults(StemSpec, rules.STEM))
        for name in blocks:
            self.block(data, name)
        self.section(data, "head", rules.HEAD, needed=("project_filters",), defaults=_defaults(HeadSpec, rules.HEAD))
        return Space(tuple(self.decisions), self.fixed, blocks)

    def block_names(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """block2, block3 ... as far as they follow each other: the stem is the paper's first."""
        given = [str(key) for key in data if str(key).startswith("block")]
        names = tuple(f"block{number}" for number in range(2, 2 + max(1, len(given))))
        for name in given:
            if name not in names:
                self.fail(f"space.{name}", data[name], f"blocks without a gap, here {', '.join(names)}", "stands here")
        return names

    def block(self, data: Mapping[str, Any], name: str) -> None:
        """A block's own decisions, then those of each of its layers, the deepest block's worth of them."""
        whole = self.mapping(data.get(name), f"space.{name}")
        each = self.mapping(whole.get("each_layer", {}), f"space.{name}.each_layer")
        own = {key: value for key, value in whole.items() if key != "each_layer"}
        self.check_keys(own, f"space.{name}", (*rules.BLOCK, "each_layer"))
        self.check_keys(each, f"space.{name}.each_layer", rules.LAYER)
        for key in each:
            if key in own:
                self.fail(
                    f"space.{name}.each_layer.{key}", each[key], f"in {name} or in its each_layer", "stands twice"
                )
        self.check_one({**own, **each}, f"space.{name}", ("expand_ratio", "expand_filters"))
        if "kernel" not in {**own, **each}:
            self.fail(f"space.{name}.kernel", None, rules.KERNEL.allowed, "is missing")
        defaults = _defaults(BlockSpec, rules.BLOCK) | _defaults(LayerSpec, rules.LAYER)
        defaults = {key: value for key, value in defaults.items() if key not in each}
        self.section({name: own}, name, rules.BLOCK, ("base_filters", "layers"), defaults)
        self.each_layer(each, name)

    def each_layer(self, each: Mapping[str, Any], name: str) -> None:
        """A list is a decision of every layer; a single value holds for the whole block, wherever it stands."""
        choices = {}
        for key, value in each.items():
            path, rule = f"space.{name}.each_layer.{key}", rules.LAYER[key]
            if rule.is_list_of_values(value):
                choices[key] = self.several(value, path, rule)
            else:
                self.fixed[f"{name}.{key}"] = self.single(value, path, rule)
        depth = next((d.values for d in self.decisions if d.name == f"{name}.layers"), None)
        self.decisions += layer_decisions(name, depth or (self.fixed[f"{name}.layers"],), choices)

    def section(
        self,
        data: Mapping[str, Any],
        name: str,
        table: Mapping[str, Rule],
        needed: Collection[str] = (),
        defaults: Mapping[str, Any] | None = None,
        one_of: tuple[str, ...] = (),
    ) -> None:
        """Reads one section by its table of rules; what is left out takes its default."""
        given = self.mapping(data.get(name), f"space.{name}")
        self.check_keys(given, f"space.{name}", table)
        if one_of:
            self.check_one(given, f"space.{name}", one_of)
        for key in needed:
            if key not in given:
                self.fail(f"space.{name}.{key}", None, table[key].allowed, "is missing")
        self.fixed |= {f"{name}.{key}": value for key, value in (defaults or {}).items() if key not in given}
        for key, rule in table.items():
            if key in given:
                self.value(given[key], f"space.{name}.{key}", rule, f"{name}.{key}")

    def value(self, value: Any, path: str, rule: Rule, name: str) -> None:
        """One key's value: several in a list are a decision, one is fixed."""
        if rule.is_list_of_values(value):
            self.decisions.append(Decision(name, self.several(value, path, rule)))
        else:
            self.fixed[name] = self.single(value, path, rule)

    def several(self, value: list[Any], path: str, rule: Rule) -> tuple[Any, ...]:
        values = tuple(self.single(item, f"{path}[{index}]", rule) for index, item in enumerate(value))
        if not values:
            self.fail(path, value, f"one value or more, each {rule.allowed}")
        if rule.is_number and any(a >= b for a, b in pairwise(values)):
            self.fail(path, value, "values that increase")
        if any(item in values[:index] for index, item in enumerate(values)):
            self.fail(path, value, "each value once")
        return values

    def single(self, value: Any, path: str, rule: Rule) -> Any:
        if not rule.check(value):
            is_text = rule.is_number and isinstance(value, str)
            self.fail(path, value, rule.allowed + (" (this is text to YAML; write 0.001 for 1e-3)" if is_text else ""))
        return rule.convert(value)

    def mapping(self, value: Any, path: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.fail(path, value, "a mapping of keys to values", "is missing" if value is None else None)
        return value

    def check_keys(self, data: Mapping[Any, Any], path: str, allowed: Collection[str]) -> None:
        for key, value in data.items():
            if key not in allowed:
                self.fail(f"{path}.{key}" if path else str(key), value, ", ".join(allowed), "is not a key")

    def check_one(self, data: Mapping[str, Any], path: str, keys: tuple[str, ...], is_needed: bool = True) -> None:
        given = [key for key in keys if key in data]
        if len(given) > 1:
            self.fail(f"{path}.{given[1]}", data[given[1]], f"one of {', '.join(keys)}", f"stands beside {given[0]}")
        if is_needed and not given:
            self.fail(f"{path}.{keys[0]}", None, f"one of {', '.join(keys)}", "is missing")

    def fail(self, path: str, value: Any, allowed: str, problem: str | None = None) -> NoReturn:
        shown = path if value is None and problem else f"{path}={_short(value)}"
        raise SpaceError(f"{self.where}{shown} {problem or 'is not allowed'}; allowed: {allowed}")


def _defaults(part: type, keys: Collection[str]) -> dict[str, Any]:
    """The values of a part's fields that a file need not give, as plain JSON."""
    return {f.name: plain(f.default) for f in fields(part) if f.name in keys and f.default is not MISSING}


def _short(value: Any) -> str:
    """The value in at most some hundred characters, however large or nested it is."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 60
    brief.maxlevel = 3
    return brief.repr(value)
