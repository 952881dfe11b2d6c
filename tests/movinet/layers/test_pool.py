"""A stream's averages: each pool against the mean it is said to be, computed apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movinet.layers.pool import Cumulative, Exponential, Pool, Window, cumulative_mean, pool_dtype

POOLS = [Cumulative(), Window(1), Window(4), Window(50), Exponential(0.5), Exponential(7.0)]


def frames_of(number: int, batch: int = 2, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Spatial means (B, T, 1, 1, C), far from zero so that a wrong count shows."""
    return np.random.default_rng(seed).uniform(0.5, 2.0, (batch, number, 1, 1, channels)).astype("float32")


def zeros(pool: Pool, batch: int, channels: int) -> dict[str, np.ndarray]:
    shapes = pool.state_shapes(batch, channels)
    return {name: np.zeros(shape, "int32" if name.endswith("count") else "float32") for name, shape in shapes.items()}


def pooled(pool: Pool, frames: np.ndarray, cuts: list[int]) -> np.ndarray:
    """The means after every frame, given in the pieces that end at `cuts`."""
    states, means = zeros(pool, len(frames), frames.shape[-1]), []
    for piece in np.split(frames, cuts, axis=1):
        mean, states = pool.means(piece, states)
        means.append(np.asarray(mean))
    return np.concatenate(means, axis=1)


def expected(pool: Pool, frames: np.ndarray) -> np.ndarray:
    """The same from the definition, in float64, one frame after the other."""
    return np.stack([latest(pool, frames[:, :last]) for last in range(1, frames.shape[1] + 1)], axis=1)


def latest(pool: Pool, frames: np.ndarray) -> np.ndarray:
    """The mean after the last frame, (B, 1, 1, C), from the definition."""
    ages = np.arange(frames.shape[1])[::-1]
    weights = np.ones(len(ages))
    if isinstance(pool, Window):
        weights = (ages < pool.frames).astype("float64")
    if isinstance(pool, Exponential):
        weights = 0.5 ** (ages / pool.half_life)
    return np.average(frames.astype("float64"), axis=1, weights=weights)


@pytest.mark.parametrize("pool", POOLS, ids=str)
@given(data=st.data())
@settings(max_examples=15)
def test_means_are_those_of_the_definition_whatever_the_cuts(pool, data):
    number = data.draw(st.integers(1, 12))
    cuts = sorted(data.draw(st.sets(st.integers(1, number - 1)))) if number > 1 else []
    frames = frames_of(number, data.draw(st.integers(1, 3)))
    np.testing.assert_allclose(pooled(pool, frames, cuts), expected(pool, frames), rtol=1e-6)


def test_a_window_is_cumulative_until_it_is_full():
    frames = frames_of(7)
    cumulative, window = pooled(Cumulative(), frames, [3]), pooled(Window(5), frames, [3])
    np.testing.assert_allclose(window[:, :5], cumulative[:, :5], rtol=1e-6)
    assert (np.abs(window[:, 5:] - cumulative[:, 5:]) > 1e-4).any(axis=(0, 2, 3, 4)).all()


def test_a_window_is_a_cumulative_pool_of_its_last_frames():
    frames = frames_of(20)
    windows = pooled(Window(6), frames, list(range(1, 20)))
    for last in range(6, 21):
        np.testing.assert_allclose(
            windows[:, last - 1], cumulative_mean(frames[:, last - 6 : last])[:, -1], rtol=1e-6, atol=0
        )


def test_a_window_forgets_and_the_others_do_not():
    frames = frames_of(10)
    other = np.concatenate([frames[:, :1] + 1, frames[:, 1:]], axis=1)
    for pool, forgets in [(Window(3), True), (Cumulative(), False), (Exponential(3.0), False)]:
        same = pooled(pool, frames, [])[:, -1] == pooled(pool, other, [])[:, -1]
        assert same.all() if forgets else not same.any()


def test_states_keep_their_shapes_and_types():
    for pool in POOLS:
        states = zeros(pool, 2, 3)
        _, later = pool.means(frames_of(4), states)
        assert {name: (tuple(s.shape), s.dtype) for name, s in later.items()} == {
            name: (s.shape, s.dtype) for name, s in states.items()
        }


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_pooled_in_float32(dtype):
    import keras

    assert pool_dtype(dtype) == "float32"
    assert pool_dtype("float64") == "float64"
    frames = keras.ops.cast(np.full((1, 600, 1, 1, 2), 200.0), dtype)  # a sum in it would stall or overflow
    for pool in POOLS:
        mean, states = pool.means(frames, zeros(pool, 1, 2))
        assert keras.backend.standardize_dtype(mean.dtype) == dtype
        np.testing.assert_array_equal(keras.ops.cast(mean, "float32"), 200.0)
        assert keras.backend.standardize_dtype(next(iter(states.values())).dtype) == "float32"


@pytest.mark.parametrize("scene", ["noise", "still"])
@pytest.mark.parametrize(
    ("pool", "piece", "tolerance"),
    [
        (Cumulative(), 100, 1e-4),
        (Window(50), 100, 1e-6),
        (Exponential(50.0), 100, 1e-5),
        pytest.param(Cumulative(), 1, 2e-4, marks=pytest.mark.slow),  # the roundings of a still scene add up
    ],
    ids=str,
)
def test_ten_thousand_frames_stay_near_float64(pool, scene, piece, tolerance):
    frames = frames_of(10_000, 1, 50)
    frames = np.repeat(frames[:, :1], 10_000, axis=1) if scene == "still" else frames
    states, mean = zeros(pool, 1, 50), np.empty(0)
    for start in range(0, 10_000, piece):
        mean, states = pool.means(frames[:, start : start + piece], states)
    np.testing.assert_allclose(mean[:, -1], latest(pool, frames), rtol=tolerance)


@pytest.mark.parametrize("frames", [0, -1, 2.0, True])
def test_a_window_of_no_frames_is_refused(frames):
    with pytest.raises(ValueError, match="Window.frames=.* is not allowed; allowed: an integer >= 1"):
        Window(frames)


@pytest.mark.parametrize("half_life", [0, -1.0, float("inf"), float("nan"), "5", True])
def test_a_half_life_that_is_none_is_refused(half_life):
    with pytest.raises(ValueError, match="Exponential.half_life=.* is not allowed; allowed: a number of frames > 0"):
        Exponential(half_life)
