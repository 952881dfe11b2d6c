"""The text of `run_search.py show SPACE.yaml`: how large a space is, what it offers, and what its networks cost."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

from movinet.cost import Cost, network_cost
from movinet.machine.progress import Count
from space import rules
from space.budget import Budget
from space.sampling import sample
from space.space import Space

BINS = 12
BAR = 40  # characters of the longest bar
PARTS = ("width", "clip", "model", "stem", "block", "head")
KEYS = ("width", *rules.CLIP, *rules.MODEL, *rules.STEM, *rules.BLOCK, *rules.HEAD)


def show(
    space: Space,
    budget: Budget | None = None,
    samples: int = 10_000,
    seed: int = 0,
    num_classes: int = 600,
    progress: Count = lambda done, total: None,
) -> str:
    """Cardinality, the choices, and histograms of FLOPs and parameters of random candidates with the feasible share.

    progress(done, samples) is called after every sample.
    """
    costs = _costs(space, samples, seed, num_classes, progress)
    budget = budget or Budget()
    mflops = budget.flops and budget.flops / 1e6
    parts = [
        f"{_large(space.size)} candidates ({len(space.decisions)} decisions; those of absent layers are not counted)",
        _choices_table(space),
        f"{samples:,} samples, seed {seed}, {num_classes} classes; one multiply-add is one FLOP",
        *_histogram("MFLOPs", [cost.flops / 1e6 for cost in costs], mflops),
        *_histogram("parameters", [cost.parameters for cost in costs], budget.parameters),
        _feasible(costs, budget),
    ]
    return "\n".join(parts)


def summary(space: Space, budget: Budget, samples: int = 1000, seed: int = 0, num_classes: int = 600) -> str:
    """How large the space is, and between what the costs of random candidates lie, in three lines."""
    costs = _costs(space, samples, seed, num_classes, lambda done, total: None)
    flops, parameters = sorted(cost.flops / 1e6 for cost in costs), sorted(cost.parameters for cost in costs)
    ranges = [
        f"{_short(values[0])} to {_short(values[-1])} {unit}, median {_short(values[samples // 2])}"
        for values, unit in ((flops, "MFLOPs"), (parameters, "parameters"))
    ]
    return "\n".join(
        [
            f"space: {_large(space.size)} candidates of {len(space.decisions)} decisions",
            f"costs: {'; '.join(ranges)} ({samples:,} samples, {num_classes} classes)",
            _feasible(costs, budget).strip(),
        ]
    )


def _costs(space: Space, samples: int, seed: int, num_classes: int, progress: Count) -> list[Cost]:
    rng, costs = random.Random(seed), []
    for done in range(1, samples + 1):
        costs.append(network_cost(sample(space, rng).spec(), num_classes=num_classes))
        progress(done, samples)
    return costs


def _large(size: int) -> str:
    """1,234,567 as it is; a larger number in full up to 10^15, then as 3.80 x 10^99."""
    if size < 10**15:
        return f"{size:,}"
    digits = str(size)
    return f"{digits[0]}.{digits[1:3]} x 10^{len(digits) - 1}"


def _choices_table(space: Space) -> str:
    rows = [("decision", "values"), *((name, values) for name, values in _rows(space))]
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {values}" for name, values in rows]
    return "\n".join(["", lines[0], "  " + "-" * (width + 2 + len(rows[0][1])), *lines[1:], ""])


def _rows(space: Space) -> Iterator[tuple[str, str]]:
    """Name and values of every choice, the layers of a block in one row, fixed values too; in network order."""
    layers: dict[str, int] = {}
    offered: dict[str, Sequence[Any]] = {}
    for decision in space.decisions:
        name, is_layer = re.subn(r"\.layer\d+\.", ".layer#.", decision.name)
        layers[name] = layers.get(name, 0) + is_layer
        offered[name] = decision.values
    fixed = {name: value for name, value in space.fixed.items() if not (name == "width" and value == 1)}
    for name in sorted([*offered, *fixed], key=_place):
        if name in offered:
            shown = name.replace("layer#", f"layer1-{layers[name]}" if layers[name] > 1 else "layer1")
            yield shown, ", ".join(map(_value, offered[name]))
        else:
            yield name, f"{_value(fixed[name])} (fixed)"


def _place(name: str) -> tuple[int, int, bool, int]:
    """Sorts names as the file reads: by part, a block's own choices before those of its layers."""
    part, *_, key = name.split(".")
    block = int(part.removeprefix("block")) if part.startswith("block") else 0
    return PARTS.index("block" if block else part), block, "layer#" in name, KEYS.index(key)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _histogram(name: str, values: Sequence[float], limit: float | None) -> Iterator[str]:
    """One line a bin of equal width on a logarithmic scale, marked where the budget's limit lies."""
    low, high = math.log(min(values)), math.log(max(values))
    step = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((math.log(value) - low) / step))] += 1
    median = sorted(values)[len(values) // 2]
    yield f"\n  {name}: {_short(min(values))} to {_short(max(values))}, median {_short(median)}"
    for i, count in enumerate(counts):
        start, end = (math.exp(low + step * k) for k in (i, i + 1))
        bar = "█" * round(BAR * count / max(counts)) or ("▏" if count else "")
        holds_limit = limit is not None and (start <= limit < end)
        mark = f"  <- budget {_short(limit)}" if limit is not None and holds_limit else ""
        yield f"  {_short(start):>10} - {_short(end):>10} {count / len(values):7.1%} {bar}{mark}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _feasible(costs: Sequence[Cost], budget: Budget) -> str:
    limits = list(budget.limits())
    if not limits:
        return "\nNo budget: every candidate is feasible."
    kept = sum(budget.violation(cost) is None for cost in costs)
    each = "; ".join(f"{name} <= {limit:,}" for name, limit in limits)
    return f"\nWithin the budget ({each}): {kept / len(costs):.1%} of the samples."
