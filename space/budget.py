"""What a network may cost; candidates over it are rejected before anything is built.  Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from movinet.cost import Cost
from space.decision import SpaceError


@dataclass(frozen=True)
class Budget:
    """Upper limits; None is no limit. One multiply-add is one FLOP; bytes are those of float32."""

    flops: int | None = None
    parameters: int | None = None
    activation_bytes: int | None = None
    buffer_bytes: int | None = None

    def __post_init__(self):
        for name, limit in self.limits():
            if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
                raise SpaceError(f"Budget.{name}={limit!r} is not allowed; allowed: an integer >= 1, or none")

    def limits(self) -> Iterator[tuple[str, int]]:
        """The limits that are set."""
        return ((f.name, limit) for f in fields(self) if (limit := getattr(self, f.name)) is not None)

    def violation(self, cost: Cost) -> str | None:
        """The first limit that the cost breaks, in words; None if it keeps them all."""
        for name, limit in self.limits():
            if (used := getattr(cost, name)) > limit:
                return f"{name} {used:,} over the budget of {limit:,}"
        return None

    def explain(self, costs: Sequence[Cost]) -> str:
        """Why none of these costs keeps the budget: for each limit the smallest value, and whether it would do."""
        parts = []
        for name, limit in self.limits():
            smallest = min(getattr(cost, name) for cost in costs)
            kept = sum(getattr(cost, name) <= limit for cost in costs)
            parts.append(f"{name} <= {limit:,}: kept by {kept:,}, smallest seen {smallest:,}")
        return (
            f"no candidate of {len(costs):,} keeps the budget ({'; '.join(parts)}); raise it, or make the space smaller"
        )
