"""The states of a network's random layers."""

from __future__ import annotations

import random

import keras


def random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of the model's random layers (dropout, stochastic depth)."""
    found = [g for layer in model._flatten_layers() for g in vars(layer).values()]
    return list({id(g): g.state for g in found if isinstance(g, keras.random.SeedGenerator)}.values())


def reseed(model: keras.Model, seed: int, epoch: int, rank: int = 0, go_on: bool = False) -> None:
    """Gives the model's random layers a state that depends on seed, epoch and the process' rank alone.

    go_on: the states go on counting from where they are.
    """
    rng = random.Random(f"{seed}/{epoch}/{rank}" if rank else f"{seed}/{epoch}")
    for state in random_states(model):
        state.assign([rng.getrandbits(31), int(state[1]) if go_on else 0])
