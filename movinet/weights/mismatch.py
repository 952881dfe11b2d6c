"""Why a checkpoint's weights are not those of a model: names, shapes, and the likely cause."""

from __future__ import annotations

from collections.abc import Mapping

SHOWN = 3  # names in a message

Shapes = Mapping[str, tuple[int, ...]]


def mismatch(found: Shapes, wanted: Shapes) -> str | None:
    """What a checkpoint lacks, has too much or in another shape, and the likely cause, on one line; None if it fits."""
    lacking = [name for name in wanted if name not in found]
    surplus = [name for name in found if name not in wanted]
    other = [
        f"{name} {found[name]} for {wanted[name]}"
        for name in wanted
        if name in found and _squeezed(found[name]) != _squeezed(wanted[name])
    ]
    named = (("missing", lacking), ("left over", surplus), ("of another shape", other))
    parts = [f"{len(names)} {what} ({_some(names)})" for what, names in named if names]
    if not parts:
        return None
    return f"{', '.join(parts)}; likely cause: {_likely_cause(found, wanted)}"


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without axes of one: Conv2D and Conv3D kernels that compute the same differ in nothing else."""
    return tuple(length for length in shape if length != 1)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _likely_cause(found: Shapes, wanted: Shapes) -> str:
    if not any(name.startswith("classifier_head/") for name in found):
        return "the checkpoint holds a backbone alone, without a classifier"
    for what, property_of in (("model size", _widths), ("conv_type", _conv_type), ("se_type", _se_type)):
        theirs, ours = property_of(found), property_of(wanted)
        if theirs != ours:
            return f"another {what}, {theirs} in the checkpoint and {ours} in the model"
    if _positional(found) != _positional(wanted):
        has = "has" if _positional(found) else "lacks"
        return f"use_positional_encoding, which the checkpoint {has} and the model {'lacks' if has == 'has' else 'has'}"
    theirs, ours = _classes(found), _classes(wanted)
    if theirs != ours:
        return f"num_classes, {theirs} in the checkpoint and {ours} in the model (head='new' keeps the model's own)"
    return "other layers within the blocks (kernels, expansion or squeeze-excite)"


def _widths(shapes: Shapes) -> str:
    """How many layers the blocks have and how wide the network gets."""
    layers = sum(name.endswith("/projection/kernel") for name in shapes)
    widths = [shapes[name][-1] for name in ("stem/kernel", "head/project/kernel") if name in shapes]
    return f"{layers} layers of widths {' to '.join(map(str, widths))}"


def _conv_type(shapes: Shapes) -> str:
    """Kernels of Conv2D and of Conv3D are taken for each other, those of space and time together are not."""
    apart = any(name.endswith("/temporal_kernel") for name in shapes)
    if not apart and any(len(shape) == 5 and shape[0] > 1 for shape in shapes.values()):
        return "3d"
    return "2plus1d or 3d_2plus1d"


def _se_type(shapes: Shapes) -> str:
    for name, shape in shapes.items():
        if name.endswith("/se_reduce/kernel"):
            features = shapes[name.replace("se/se_reduce", "expansion")][-1]
            return "2plus3d" if shape[-2] == 2 * features else "3d or 2d"
    return "none"


def _positional(shapes: Shapes) -> bool:
    return any(name.endswith("/position/scale") for name in shapes)


def _classes(shapes: Shapes) -> int:
    name = "classifier_head/classifier/kernel"
    return shapes[name][-1] if name in shapes else 0
