"""Specs drawn over everything a spec can say, small enough to be built in a moment."""

from __future__ import annotations

from random import Random

from movinet.spec import (
    ACTIVATIONS,
    CONV_TYPES,
    GATING_ACTIVATIONS,
    POOLING_TYPES,
    SE_TYPES,
    BlockSpec,
    ClipSpec,
    HeadSpec,
    LayerSpec,
    MovinetSpec,
    StemSpec,
)

KERNELS = ((1, 3, 3), (1, 5, 5), (1, 7, 7), (5, 1, 1), (7, 1, 1), (3, 3, 3), (5, 3, 3), (1, 1, 1))
OFF_DEFAULT = MovinetSpec(  # no field at its default
    StemSpec(8, (3, 5, 5), 1),
    (BlockSpec(8, (LayerSpec(24, (1, 5, 5), False),), 1),),
    HeadSpec(32, 64),
    ClipSpec(8, 32, 2.5),
    True,
    "3d_2plus1d",
    "2d",
    "relu6",
    "hard_sigmoid",
    True,
    "2d",
)


def random_spec(rng: Random) -> MovinetSpec:
    """One to three blocks of one to three layers; every field is drawn."""
    return MovinetSpec(
        StemSpec(rng.randint(2, 12), rng.choice(((1, 3, 3), (3, 3, 3), (3, 1, 1))), rng.choice((1, 2))),
        tuple(_random_block(rng) for _ in range(rng.randint(1, 3))),
        HeadSpec(rng.randint(4, 24), rng.randint(4, 24)),
        ClipSpec(rng.randint(1, 9), rng.randint(5, 40), rng.choice((2.5, 5, 12.5))),
        causal=rng.random() < 0.5,
        conv_type=rng.choice(CONV_TYPES),
        se_type=rng.choice(SE_TYPES),
        activation=rng.choice(ACTIVATIONS),
        gating_activation=rng.choice(GATING_ACTIVATIONS),
        use_positional_encoding=rng.random() < 0.5,
        average_pooling_type=rng.choice(POOLING_TYPES),
    )


def _random_block(rng: Random) -> BlockSpec:
    layers = (LayerSpec(rng.randint(2, 40), rng.choice(KERNELS), rng.random() < 0.6) for _ in range(rng.randint(1, 3)))
    return BlockSpec(rng.choice((4, 8, 12)), tuple(layers), rng.choice((1, 2)))
