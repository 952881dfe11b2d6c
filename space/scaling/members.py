"""A0 to A5 from one network: members at multiples of its FLOPs, on one path of steps."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from movinet.cost import network_cost
from movinet.spec import MovinetSpec
from space.decision import SpaceError
from space.scaling.coefficients import Coefficients, Limits
from space.scaling.steps import Quantity, Step, quantities, steps, take

MEMBERS = ("A0", "A1", "A2", "A3", "A4", "A5")
ATTEMPTS = 300  # measured on 3,000 small networks: half need one, one in a hundred more than 23, the worst 153


def family(
    spec: MovinetSpec,
    coefficients: Coefficients,
    base_member: str = "A2",
    ratio: float = 2.0,
    tolerance: float = 0.10,
    limits: Limits | None = None,
    num_classes: int = 600,
    divisor: int = 8,
) -> dict[str, MovinetSpec]:
    """A0 to A5: `spec` as the base member, each member with `ratio` times the FLOPs of the one before.

    Every member is within `tolerance` of its target, and no width, depth, resolution or frame count falls from one to
    the next. In a small network one step can pass a target by; then the quantities round elsewhere and move at other
    paces, in attempts that are the same every time. Raises SpaceError with the member, its target and the nearest.
    """
    if base_member not in MEMBERS:
        raise SpaceError(f"base_member={base_member!r} is not allowed; allowed: {', '.join(MEMBERS)}")
    if not (0 < tolerance < 1 and ratio * (1 - tolerance) > 1 + tolerance):
        raise SpaceError(f"ratio={ratio!r}, tolerance={tolerance!r} let members overlap; allowed: a larger ratio")

    def flops(scaled: MovinetSpec) -> int:
        return network_cost(scaled, num_classes=num_classes).flops

    base, index = flops(spec), MEMBERS.index(base_member)
    targets = {name: base * ratio ** (i - index) for i, name in enumerate(MEMBERS)}
    moved = quantities(spec, coefficients, limits or Limits(), divisor)
    found = {base_member: spec}
    for names, up in ((MEMBERS[:index], False), (MEMBERS[index + 1 :], True)):
        found |= _members(spec, moved, up, {name: targets[name] for name in names}, tolerance, flops)
    return {name: found[name] for name in MEMBERS}


def _members(
    spec: MovinetSpec,
    moved: list[Quantity],
    up: bool,
    targets: dict[str, float],
    tolerance: float,
    flops: Callable[[MovinetSpec], int],
) -> dict[str, MovinetSpec]:
    """For each target a network on one and the same path of steps, so that none shrinks on the way to a larger one."""
    nearest: dict[str, tuple[float, int]] = {}  # deviation, FLOPs
    for attempt in range(ATTEMPTS):
        path = _Path(spec, steps(_varied(moved, attempt) if attempt else moved, up), flops)
        found = {name: path.nearest(target) for name, target in targets.items()}
        for name, (_, used) in found.items():
            nearest[name] = min(nearest.get(name, (float("inf"), 0)), (abs(used / targets[name] - 1), used))
        if all(abs(used / targets[name] - 1) <= tolerance for name, (_, used) in found.items()):
            return {name: member for name, (member, _) in found.items()}
    worst = max(nearest, key=lambda name: nearest[name])
    raise SpaceError(
        f"{worst}: no scaled network is within {tolerance:.0%} of its target of {targets[worst]:,.0f} FLOPs; nearest: "
        f"{nearest[worst][1]:,}; change the coefficients, the limits or the divisor"
    )


def _varied(moved: list[Quantity], attempt: int) -> list[Quantity]:
    """The quantities with other points of rounding and other paces, the further apart the later the attempt."""
    rng, spread = random.Random(attempt), 3 * attempt / ATTEMPTS
    return [
        replace(
            quantity,
            phase=rng.uniform(0.02, 0.98),
            coefficient=quantity.coefficient ** math.exp(rng.uniform(-spread, spread)),
        )
        for quantity in moved
    ]


class _Path:
    """The networks that single steps lead through; along it FLOPs never fall (or never grow)."""

    def __init__(self, spec: MovinetSpec, ahead: Iterator[Step], flops: Callable[[MovinetSpec], int]):
        self.spec, self.ahead, self.flops = spec, ahead, flops
        self.taken: list[Step] = []
        self.known: dict[int, int] = {0: flops(spec)}

    def nearest(self, target: float) -> tuple[MovinetSpec, int]:
        """The network nearest to the target, and its FLOPs: steps in doubling numbers, then bisection."""
        up = target > self.known[0]
        low, high = 0, 1
        while self._reach(high) and (self._flops(high) < target) == up:
            low, high = high, 2 * high
        high = min(high, len(self.taken))
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if (self._flops(middle) < target) == up else (low, middle)
        best = min((low, high), key=lambda count: abs(self._flops(count) - target))
        return self._network(best), self._flops(best)

    def _reach(self, count: int) -> bool:
        self.taken += islice(self.ahead, max(0, count - len(self.taken)))
        return len(self.taken) >= count

    def _network(self, count: int) -> MovinetSpec:
        return take(self.spec, {step.name: step.value for step in self.taken[:count]})

    def _flops(self, count: int) -> int:
        if count not in self.known:
            self.known[count] = self.flops(self._network(count))
        return self.known[count]
