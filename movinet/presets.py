"""The published networks, A0 to A5 and the tiny T0, as base and as stream, with their published figures.

Structures: Model Garden's `official/projects/movinet` (arXiv:2103.11511 prints only A2's space).  A base network sees
a whole clip at once; a stream network is causal, with (2+1)D convolutions and hard activations, and can run frame by
frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from movinet.config.errors import InputError
from movinet.config.typed import meant
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec

_KERNELS = {"a": (1, 5, 5), "b": (3, 3, 3), "c": (5, 3, 3), "d": (1, 3, 3)}
_STRIDES = (2, 2, 2, 1, 2)  # of the five blocks, in every published network


@dataclass(frozen=True)
class Published:
    """What was published about a network: Kinetics accuracies in percent, of single clips over the whole video.

    parameters: all variables, moving statistics too, of Model Garden's model with 600 classes.
    gflops: per clip, one multiply-add counted once. The authors give a stream its base's figure. None: not published.
    """

    parameters: int
    gflops: float | None = None
    top1_kinetics600: float | None = None
    top1_kinetics400: float | None = None
    source: str = "github.com/tensorflow/models, official/projects/movinet/README.md"


@dataclass(frozen=True)
class _Row:
    """One network: frames x resolution at a frame stride; widths; a layer is its expansion and its kernel's letter."""

    clip: tuple[int, int, int]  # frames, resolution, frame stride for videos of 25 frames per second
    stem: int
    blocks: tuple[tuple[int, str], ...]
    head: tuple[int, int]
    base: Published
    stream: Published
    stream_counts_frames: bool = False  # positional encoding in the stream's squeeze-excite layers


_ROWS = {
    "a0": _Row(
        (50, 172, 5),
        8,
        (
            (8, "24a"),
            (32, "80b 80b 80b"),
            (56, "184c 112b 184b"),
            (56, "184c 184b 184b 184b"),
            (104, "384c 280a 280a 344a"),
        ),
        (480, 2048),
        base=Published(3_126_071, 2.7, 72.28, 69.40),
        stream=Published(3_765_983, 2.7, 72.05),
    ),
    "a1": _Row(
        (50, 172, 5),
        16,
        (
            (16, "40a 40b"),
            (40, "96b 120b 96b 96b"),
            (64, "216c 128b 216b 168b 216b"),
            (64, "216c 216b 216b 128b 128a 216b"),
            (136, "456c 360a 360a 360a 456a 456b 544d"),
        ),
        (600, 2048),
        base=Published(4_717_912, 6.0, 76.69, 74.57),
        stream=Published(6_481_560, 6.0, 76.45),
    ),
    "a2": _Row(
        (50, 224, 5),
        16,
        (
            (16, "40a 40b 64b"),
            (40, "96b 120b 96b 96b 120b"),
            (72, "240c 160b 240b 192b 240b"),
            (72, "240c 240b 240b 240b 144a 240b"),
            (144, "480c 384a 384a 480a 480a 480b 576d"),
        ),
        (640, 2048),
        base=Published(5_280_922, 10.0, 78.62, 75.91),
        stream=Published(7_366_050, 10.0, 78.40),
    ),
    "a3": _Row(
        (120, 256, 2),
        16,
        (
            (16, "40a 40b 64b 40b"),
            (48, "112b 144b 112b 112a 144b 144b"),
            (80, "240c 152b 240b 192b 240b"),
            (88, "264c 264b 264b 264b 160a 264b 264b 264b"),
            (168, "560c 448a 448a 560a 560a 560b 448a 448a 560b 672d"),
        ),
        (744, 2048),
        base=Published(7_443_289, 57.0, 81.79, 79.34),
        stream=Published(11_043_146, 57.0, 80.09),
        stream_counts_frames=True,
    ),
    "a4": _Row(
        (80, 290, 3),
        24,
        (
            (24, "64a 64b 96b 64b 96b 64b"),
            (56, "168b 168b 136b 136b 168b 168b 168b 136a 136b"),
            (96, "320c 160b 320b 192b 320b 160b 320b 256b 320b"),
            (96, "320c 320b 320b 320b 192a 320b 320b 192b 320b 320b"),
            (192, "640c 512a 512a 640a 640a 640b 512a 512a 640a 768a 640a 640b 768b"),
        ),
        (856, 2048),
        base=Published(11_422_727, 110.0, 83.48, 80.64),
        stream=Published(18_228_326, 110.0, 81.49),
        stream_counts_frames=True,
    ),
    "a5": _Row(
        (120, 320, 2),
        24,
        (
            (24, "64a 64a 96b 64b 96b 64b"),
            (64, "192c 152b 152b 152b 192b 192b 192b 152b 152b 192b 192b"),
            (112, "376c 224b 376b 376b 296b 376b 224b 376b 376b 296b 376b 376b 376b"),
            (120, "376c 376b 376b 376b 224a 376b 376b 224b 376b 376b 376b"),
            (224, "744c 744b 600a 600a 744a 744a 744b 896a 600a 600a 896a 744a 744b 896a 600a 600a 744a 744b"),
        ),
        (992, 2048),
        base=Published(18_763_355, 280.0, 84.27, 81.39),
        stream=Published(31_636_734, 280.0, 82.37),
        stream_counts_frames=True,
    ),
    "t0": _Row(  # not in the paper; no accuracy published
        (25, 160, 10),
        8,
        (
            (8, "16a"),
            (32, "72b 72a"),
            (56, "112c 112a 112b"),
            (56, "184c 184a 184b 184b"),
            (104, "344c 344a 344a 344b"),
        ),
        (240, 1024),
        base=Published(1_740_502),
        stream=Published(2_385_118),
    ),
}


def _base(row: _Row) -> MovinetSpec:
    blocks = tuple(
        BlockSpec(filters, tuple(LayerSpec(int(layer[:-1]), _KERNELS[layer[-1]]) for layer in layers.split()), stride)
        for (filters, layers), stride in zip(row.blocks, _STRIDES, strict=True)
    )
    return MovinetSpec(StemSpec(row.stem), blocks, HeadSpec(*row.head), ClipSpec.from_stride(*row.clip))


def _stream(row: _Row) -> MovinetSpec:
    base = _base(row)
    return MovinetSpec(
        base.stem,
        base.blocks,
        base.head,
        base.clip,
        causal=True,
        conv_type="2plus1d",
        se_type="2plus3d",
        activation="hard_swish",
        gating_activation="hard_sigmoid",
        use_positional_encoding=row.stream_counts_frames,
    )


PRESETS: dict[str, MovinetSpec] = {
    f"{name}-{kind}": build(row)
    for name, row in _ROWS.items()
    for kind, build in (("base", _base), ("stream", _stream))
}
ENSEMBLES = {"a6-base": ("a4-base", "a5-base")}  # published: 386 GFLOPs, 105 and 281 (one multiply-add counted once)
PUBLISHED: dict[str, Published] = {
    f"{name}-{kind}": getattr(row, kind) for name, row in _ROWS.items() for kind in ("base", "stream")
}


def preset(name: str) -> MovinetSpec:
    """The published network of that name, such as "a0-base" or "a3-stream". Raises InputError for any other name."""
    if name not in PRESETS:
        raise InputError(f"preset={name!r} is not allowed; {meant(name, PRESETS)}allowed: {', '.join(PRESETS)}")
    return PRESETS[name]
