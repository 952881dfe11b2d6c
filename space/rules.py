"""What a value in a space file may be: for every key the allowed form, in words and as a check.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from movinet.spec import ACTIVATIONS, CONV_TYPES, GATING_ACTIVATIONS, POOLING_TYPES, SE_TYPES


@dataclass(frozen=True)
class Rule:
    """One key's values: `allowed` in words, `check` for one value, `convert` to its plain form."""

    allowed: str
    check: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value
    is_number: bool = False

    def is_list_of_values(self, value: Any) -> bool:
        """Whether `value` offers several: a kernel is itself a list, several kernels are a list of lists."""
        is_kernel = self.check is _is_kernel
        return isinstance(value, list) and not (is_kernel and value and not isinstance(value[0], list))


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


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_kernel(value: Any) -> bool:
    odd = isinstance(value, list) and len(value) == 3 and all(type(k) is int and 1 <= k <= 31 and k % 2 for k in value)
    return odd and value[1] == value[2]


KERNEL = Rule("[time, height, width], odd, 1 to 31, height = width", _is_kernel)
FLAG = one_of(True, False)
FILTERS = count(16384)
STRIDE = one_of(1, 2)
WIDTH_MULTIPLIER = number(16)

CLIP = {
    "seconds": number(3600),
    "frames": count(10_000),
    "frames_per_second": number(1000),
    "resolution": count(4096, lowest=8),
}
MODEL = {
    "causal": FLAG,
    "conv_type": one_of(*CONV_TYPES),
    "se_type": one_of(*SE_TYPES),
    "activation": one_of(*ACTIVATIONS),
    "gating_activation": one_of(*GATING_ACTIVATIONS),
    "use_positional_encoding": FLAG,
    "average_pooling_type": one_of(*POOLING_TYPES),
}
STEM = {"filters": FILTERS, "width_multiplier": WIDTH_MULTIPLIER, "kernel": KERNEL, "stride": STRIDE}
LAYER = {"kernel": KERNEL, "expand_ratio": number(64), "expand_filters": FILTERS, "squeeze_excite": FLAG}
BLOCK = {
    "stride": STRIDE,
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
