"""Spaces and hypothesis strategies that several tests share."""

import random

from hypothesis import strategies as st

from space.load import load_space
from space.sampling import sample
from tests.support.paths import ROOT

SPACES = ROOT / "configs/spaces"
MOVINET = load_space(SPACES / "movinet.yaml")
MOVING_SHAPES = load_space(SPACES / "moving_shapes.yaml")

SMALL = {
    "space": {
        "clip": {"seconds": 1.6, "frames_per_second": [2.5, 5], "resolution": [16, 24]},
        "stem": {"filters": [8]},
        "block2": {
            "base_filters": [8, 16],
            "layers": [1, 2, 3],
            "kernel": [[1, 5, 5], [3, 3, 3]],
            "each_layer": {"expand_ratio": [1.5, 2, 3], "squeeze_excite": [True, False]},
        },
        "block3": {"stride": 1, "base_filters": 24, "layers": 2, "kernel": [3, 3, 3], "expand_filters": [24, 48]},
        "head": {"project_filters": 32, "head_filters": 64},
    }
}

rngs = st.integers(0, 2**32).map(random.Random)
candidates = st.builds(sample, st.sampled_from([MOVINET, MOVING_SHAPES, load_space(SMALL)]), rngs)
