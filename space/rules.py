"""What a value in a space file may be: for every key the allowed form, in words and as a check.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from movinet.spec import BlockSpec, LayerSpec, MovinetSpec, StemSpec, choices


@dataclass(frozen=True)
class Rule:
    """One key's values: `allowed` in words, `check` for one value, `convert` to its plain form.

    is_list: one value is itself a list, as a kernel is.
    """

    allowed: str
    check: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value
    is_number: bool = False
    is_list: bool = False

    def is_list_of_values(self, value: Any) -> bool:
        """Whether `value` offers several: of lists, such as kernels, a list of lists."""
        return isinstance(value, list) and not (self.is_list and value and not isinstance(value[0], list))


def count(highest: int, lowest: int = 1) -> Rule:
    """An integer in a range."""
    words = f"an integer, {lowest} to {highest:,}"
    return Rule(words, lambda v: isinstance(v, int) and _is_number(v) and lowest <= v <= highest, is_number=True)


def number(highest: float) -> Rule:
    """A number above 0, kept as a float, so that all values of a decision have one type."""
    return Rule(f"a number > 0 and <= {highest:g}", lambda v: _is_number(v) and 0 < v <= highest, float, True)


def one_of(*names: Any) -> Rule:
    """One of a few names or numbers, type included: 1 is not true."""
    words = ", ".join(str(name).lower() if isinstance(name, bool) else str(name) for name in names)
    return Rule(words, lambda v: any(v == name and type(v) is type(name) for name in names))


def choices_of(kind: type) -> dict[str, Rule]:
    """A rule for each field of a part of the network that takes one of a few values (`movinet.spec.choice`)."""
    return {name: one_of(*values) for name, values in choices(kind).items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_kernel(value: Any) -> bool:
    odd = isinstance(value, list) and len(value) == 3 and all(type(k) is int and 1 <= k <= 31 and k % 2 for k in value)
    return odd and value[1] == value[2]


KERNEL = Rule("[time, height, width], odd, 1 to 31, height = width", _is_kernel, is_list=True)
FILTERS = count(16384)
WIDTH_MULTIPLIER = number(16)

CLIP = {
    "seconds": number(3600),
    "frames": count(10_000),
    "frames_per_second": number(1000),
    "resolution": count(4096, lowest=8),
}
MODEL = choices_of(MovinetSpec)
STEM = {"filters": FILTERS, "width_multiplier": WIDTH_MULTIPLIER, "kernel": KERNEL, **choices_of(StemSpec)}
LAYER = {"kernel": KERNEL, "expand_ratio": number(64), "expand_filters": FILTERS, **choices_of(LayerSpec)}
BLOCK = {
    **choices_of(BlockSpec),
    "base_filters": FILTERS,
    "width_multiplier": WIDTH_MULTIPLIER,
    "layers": count(100),
    **LAYER,
}
HEAD = {"project_filters": FILTERS, "width_multiplier": WIDTH_MULTIPLIER, "head_filters": FILTERS}
BUDGET = {
    "flops": count(10**18),
    "mflops": number(1e12),
    "gflops": number(1e9),
    "parameters": count(10**15),
    "activation_mb": number(1e9),
    "buffer_mb": number(1e9),
}
