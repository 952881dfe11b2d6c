"""Whether a network is a point of a space, and if not, what in it the space does not offer.  Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from movinet.spec import BlockSpec, MovinetSpec
from space.decision import Decision
from space.network import CHOICES, clip, filters, head, layer, made_choices, stem
from space.space import Candidate, Space

Facts = dict[str, Any]


@dataclass(frozen=True)
class Location:
    """A network in a space: the candidate that describes it, or every reason why there is none."""

    candidate: Candidate | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """The choices for one part that come nearest to a network's, and what they still miss."""

    values: Facts
    reasons: tuple[str, ...] = ()


def locate(space: Space, spec: MovinetSpec) -> Location:
    """The candidate whose network is `spec`; where there is none, what each part has that the space does not offer."""
    if len(spec.blocks) != len(space.blocks):
        return Location(None, (f"{len(spec.blocks)} blocks; offered: {len(space.blocks)}",))
    fits = [
        _fit(space, "clip", lambda chosen: vars(clip(chosen)), vars(spec.clip)),
        _fit(space, "model", lambda chosen: made_choices(chosen, "model", MovinetSpec), _choices_of(spec)),
        _fit(space, "stem", lambda chosen: vars(stem(chosen)), vars(spec.stem)),
        *(_fit_block(space, name, block) for name, block in zip(space.blocks, spec.blocks, strict=True)),
        _fit(space, "head", lambda chosen: vars(head(chosen)), vars(spec.head)),
    ]
    if reasons := tuple(reason for fit in fits for reason in fit.reasons):
        return Location(None, reasons)
    return Location(space.candidate({name: value for fit in fits for name, value in fit.values.items()}))


def _choices_of(part: MovinetSpec | BlockSpec) -> Facts:
    return {name: getattr(part, name) for name in CHOICES[type(part)]}


def _fit(space: Space, part: str, facts: Callable[[Facts], Facts], wanted: Facts) -> _Fit:
    own = [decision for decision in space.decisions if decision.name.startswith(f"{part}.")]
    return _nearest(part, [(values, facts({**space.fixed, **values})) for values in _choices(own)], wanted)


def _nearest(part: str, offers: list[tuple[Facts, Facts]], wanted: Facts) -> _Fit:
    """The offer (choices, what they make) that equals what is wanted, or what no offer has of it."""
    for values, made in offers:
        if made == wanted:
            return _Fit(values)
    reasons = []
    for name, value in wanted.items():
        offered = list(dict.fromkeys(made[name] for _, made in offers))
        if value not in offered:
            reasons.append(f"{part}.{name} {value}; offered: {', '.join(map(str, offered))}")
    together = f"{part}: {', '.join(f'{name} {value}' for name, value in wanted.items())}; not offered together"
    return _Fit(offers[0][0], tuple(reasons) or (together,))


def _fit_block(space: Space, name: str, block: BlockSpec) -> _Fit:
    """The block's own choices with the fewest reasons against them and against its layers."""
    own = [d for d in space.decisions if d.name.startswith(f"{name}.") and not d.is_of_layer]
    offers = list(_choices(own))
    depths = [_depth(space, name, values) for values in offers]
    depth = len(block.layers) if len(block.layers) in depths else max(depths)
    fits = [_fit_choice(space, name, block, v, offers) for v in offers if _depth(space, name, v) == depth]
    return min(fits, key=lambda fit: len(fit.reasons))


def _depth(space: Space, name: str, values: Facts) -> int:
    return {**space.fixed, **values}[f"{name}.layers"]


def _fit_choice(space: Space, name: str, block: BlockSpec, values: Facts, offers: list[Facts]) -> _Fit:
    """What stands against one set of the block's own choices."""

    def facts(own: Facts) -> Facts:
        chosen = {**space.fixed, **own}
        width = filters(chosen, name, "base_filters")
        depth = _depth(space, name, own)
        return {"base_filters": width, "layers": depth, **made_choices(chosen, name, BlockSpec)}

    wanted = {"base_filters": block.base_filters, "layers": len(block.layers), **_choices_of(block)}
    made = facts(values)
    reasons = [
        f"{name}.{key} {value}; offered: {', '.join(map(str, dict.fromkeys(facts(own)[key] for own in offers)))}"
        for key, value in wanted.items()
        if made[key] != value
    ]
    fits = list(_layer_fits(space, name, block, values, made["layers"]))
    layer_values = {key: value for fit in fits for key, value in fit.values.items()}
    return _Fit({**values, **layer_values}, (*reasons, *(reason for fit in fits for reason in fit.reasons)))


def _layer_fits(space: Space, name: str, block: BlockSpec, values: Facts, depth: int) -> Iterator[_Fit]:
    for number, wanted in enumerate(block.layers[:depth], start=1):
        path = f"{name}.layer{number}"
        own = [decision for decision in space.decisions if decision.name.startswith(f"{path}.")]
        offers = [(choice, vars(layer({**space.fixed, **values, **choice}, name, number))) for choice in _choices(own)]
        yield _nearest(path, offers, vars(wanted))


def _choices(decisions: Iterable[Decision]) -> Iterator[Facts]:
    """Every set of values of these decisions."""
    names, values = [d.name for d in decisions], [d.values for d in decisions]
    return (dict(zip(names, chosen, strict=True)) for chosen in product(*values))
