"""The networks that may be tried, as data: named decisions, each with its values, and what is fixed.

A decision's name is its path in the YAML file (`block3.layer2.kernel`).  A layer's decisions count only where the
block is deep enough, so a candidate never carries a choice that its network does not show.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from movinet.spec import MovinetSpec
from space.decision import Decision, SpaceError
from space.network import network


@dataclass(frozen=True)
class Space:
    """Decisions (a depth before the layers it switches), fixed values by their path, and the blocks' names in order.

    fixed["width"] multiplies every base width before it is rounded to a multiple of 8: 1, or more and less in the
    scaled forms of a space (`space.scaling.compound.scale_space`).
    """

    decisions: tuple[Decision, ...]
    fixed: Mapping[str, Any]
    blocks: tuple[str, ...]

    def __post_init__(self):
        seen: dict[str, Decision] = {}
        for decision in self.decisions:
            parent = decision.condition and decision.condition.name
            if decision.name in seen or decision.name in self.fixed:
                raise SpaceError(f"{decision.name} is decided twice")
            if parent and (parent not in seen or seen[parent].condition):
                raise SpaceError(f"{decision.name} depends on {parent}, which is no earlier, unconditional decision")
            seen[decision.name] = decision

    @cached_property
    def by_name(self) -> dict[str, Decision]:
        return {decision.name: decision for decision in self.decisions}

    @cached_property
    def children(self) -> dict[str, tuple[Decision, ...]]:
        """The decisions that depend on each depth decision."""
        found: dict[str, list[Decision]] = {}
        for decision in self.decisions:
            if decision.condition:
                found.setdefault(decision.condition.name, []).append(decision)
        return {name: tuple(decisions) for name, decisions in found.items()}

    @property
    def size(self) -> int:
        """How many different sets of decisions there are, exactly; those of absent layers are not counted."""
        return prod(self._branches(decision) for decision in self.decisions if decision.condition is None)

    def _branches(self, decision: Decision) -> int:
        children = self.children.get(decision.name, ())
        return sum(
            prod(len(child.values) for child in children if child.is_active({decision.name: value}))
            for value in decision.values
        )

    def active(self, values: Mapping[str, Any]) -> Iterator[Decision]:
        """The decisions that count under `values`. Lazy, so that `values` may be filled while it runs."""
        return (decision for decision in self.decisions if decision.is_active(values))

    def candidate(self, values: Mapping[str, Any]) -> Candidate:
        """The candidate with these values. Raises SpaceError for a missing, unknown, inactive or wrong one."""
        chosen: dict[str, Any] = {}
        for decision in self.active(chosen):
            if decision.name not in values:
                raise SpaceError(f"{decision.name} is missing; allowed: {', '.join(map(str, decision.values))}")
            chosen[decision.name] = decision.match(values[decision.name])
        for name in values:
            if name not in chosen:
                why = f"needs {self._need(name)}" if name in self.by_name else "is not a decision of this space"
                raise SpaceError(f"{name}={values[name]!r} {why}")
        return Candidate(self, chosen)

    def _need(self, name: str) -> str:
        condition = self.by_name[name].condition
        assert condition is not None
        return f"{condition.name} >= {condition.at_least}"

    def __contains__(self, point: object) -> bool:
        """Whether a candidate, or a mapping of names to values, is a point of this space."""
        values = point if isinstance(point, Mapping) else getattr(point, "values", None)
        if not isinstance(values, Mapping):
            return False
        try:
            return bool(self.candidate(values))
        except SpaceError:
            return False


@dataclass(frozen=True)
class Candidate:
    """One point of a space: `values` holds its active decisions and nothing else, as plain JSON.

    Made by `Space.candidate`, which validates, or by sampling and mutation, which choose only what is allowed.
    """

    space: Space = field(repr=False, compare=False)
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def spec(self) -> MovinetSpec:
        """The network; made once, kept."""
        return self._spec

    @property
    def id(self) -> str:
        """The network's id: two ways to the same network have one."""
        return self._spec.id

    def distance(self, other: Candidate) -> int:
        """In how many decisions two candidates differ; one that only one of them has counts as different."""
        names = self.values.keys() | other.values.keys()
        return sum(self.values.get(name) != other.values.get(name) for name in names)

    @cached_property
    def _spec(self) -> MovinetSpec:
        return network({**self.space.fixed, **self.values}, self.space.blocks)
