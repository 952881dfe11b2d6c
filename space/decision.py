"""One choice of a space, and where it counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from movinet.config.errors import InputError


class SpaceError(InputError):
    """A space, a candidate or a budget that is not allowed; the text names key, value and what is allowed."""


@dataclass(frozen=True)
class Condition:
    """Holds where the decision `name` (a depth) is `at_least` so large."""

    name: str
    at_least: int

    def holds(self, values: Mapping[str, Any]) -> bool:
        return values[self.name] >= self.at_least


@dataclass(frozen=True)
class Decision:
    """One choice among `values`, which are plain JSON (a kernel is a list); active where `condition` holds."""

    name: str
    values: tuple[Any, ...]
    condition: Condition | None = None

    def __post_init__(self):
        if not self.values:
            raise SpaceError(f"{self.name}=[] is not allowed; allowed: one value or more")

    @property
    def is_of_layer(self) -> bool:
        """Whether it is one layer's choice, such as `block3.layer2.kernel`."""
        return self.name.count(".") == 2

    def is_active(self, values: Mapping[str, Any]) -> bool:
        return self.condition is None or self.condition.holds(values)

    def match(self, value: Any) -> Any:
        """The decision's own form of `value` (4 for 4.0, a list for a tuple). Raises SpaceError if there is none."""
        wanted = list(value) if isinstance(value, tuple) else value
        for own in self.values:
            if own == wanted and isinstance(own, bool) == isinstance(wanted, bool):
                return own
        raise SpaceError(f"{self.name}={value!r} is not allowed; allowed: {', '.join(map(str, self.values))}")


def layer_decisions(block: str, depths: Sequence[int], choices: Mapping[str, tuple[Any, ...]]) -> Iterator[Decision]:
    """The choices of each layer that a block of these depths can have; all of its layers offer the same."""
    for layer in range(1, max(depths) + 1):
        condition = Condition(f"{block}.layers", layer) if layer > min(depths) else None
        for key, values in choices.items():
            yield Decision(f"{block}.layer{layer}.{key}", values, condition)
