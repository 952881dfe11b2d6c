"""Variation of training clips: inside its bounds, and never across what a label means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movinet.data.batching.augment import Augment, centre_box, draw
from movinet.data.batching.policy import OPERATIONS, POLICY_V0, auto_augment, rand_augment


@given(
    height=st.integers(8, 200),
    width=st.integers(8, 200),
    least=st.floats(0.05, 1.0),
    aspect=st.floats(1.0, 3.0),
    seed=st.integers(0, 2**32),
)
def test_boxes_lie_inside_the_frame_and_cover_their_share(height, width, least, aspect, seed):
    augment = Augment(area=(least, 1.0), aspect=(1 / aspect, aspect))
    top, left, box_height, box_width = draw(augment, height, width, "a", np.random.default_rng(seed)).box
    assert top >= 0
    assert left >= 0
    assert top + box_height <= height + 1e-6
    assert left + box_width <= width + 1e-6
    assert 1 / aspect - 1e-9 <= box_width / box_height <= aspect + 1e-9
    full = max(box_width / width, box_height / height)
    assert full > 1 - 1e-9 or box_height * box_width >= least * height * width * (1 - 1e-9)


def test_boxes_as_tall_as_the_frame_survive_rounding():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        top, _, height, _ = draw(Augment(area=(0.9, 1.0)), 64, 85, "a", rng).box
        assert top + height <= 64


def test_draws_are_a_function_of_the_generator():
    augment = Augment(permute_channels=True, flip=True)
    first, again, other = (draw(augment, 48, 64, "a", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_flips_spare_the_labels_that_name_a_side():
    augment = Augment(flip=True, flip_except=("moving left",))
    rng = np.random.default_rng(0)
    flips = {label: {draw(augment, 8, 8, label, rng).flip for _ in range(40)} for label in ("moving left", "shrinking")}
    assert flips == {"moving left": {False}, "shrinking": {True, False}}
    assert not any(draw(Augment(), 8, 8, "a", rng).flip for _ in range(40))


def test_none_varies_nothing():
    variation = draw(Augment.none(), 48, 64, "a", np.random.default_rng(0))
    assert variation.box == centre_box(48, 64) == (0, 8, 48, 48)
    assert (variation.flip, variation.channels, variation.gain) == (False, (0, 1, 2), (1, 1, 1))
    assert (variation.contrast, variation.brightness) == (1, 0)


def test_lists_from_yaml_are_taken():
    assert Augment(area=[0.5, 1.0]) == Augment(area=(0.5, 1.0))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("field", "value"),
    [("area", (0.0, 1.0)), ("area", (0.9, 0.5)), ("aspect", (0, 1)), ("speed", (2, 1)), ("brightness", -0.1)],
)
def test_wrong_settings_are_named(field, value):
    with pytest.raises(ValueError, match=rf"Augment\.{field}=.* is not allowed; allowed: "):
        Augment(**{field: value})


def clip(seed: int = 0) -> np.ndarray:
    """Smooth noise (3, 12, 16, 3), of values between 0.2 and 0.8."""
    return np.random.default_rng(seed).uniform(0.2, 0.8, (3, 12, 16, 3)).astype(np.float32)


@pytest.mark.parametrize("name", OPERATIONS)
@given(level=st.floats(0, 10), seed=st.integers(0, 99))
def test_every_operation_keeps_shape_range_and_stillness(name, level, seed):
    still = np.repeat(clip(seed)[:1], 3, 0)
    result = OPERATIONS[name](still, level)
    assert result.shape == still.shape
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 1 + 1e-6
    assert np.ptp(result, axis=0).max() == 0  # the same is done to all frames


def test_operations_do_what_their_names_say():
    pixels = clip()
    np.testing.assert_allclose(OPERATIONS["invert"](pixels, 5), 1 - pixels)
    np.testing.assert_allclose(OPERATIONS["brightness"](pixels, 0), 0.1 * pixels, rtol=1e-5)
    np.testing.assert_allclose(OPERATIONS["color"](pixels, 5), pixels, atol=1e-6)  # factor 1
    stretched = OPERATIONS["autocontrast"](pixels, 0)
    assert (stretched.min(), stretched.max()) == (0, 1)
    shifted = OPERATIONS["translate_x"](pixels, 10 / 0.45 * 4 / 16)  # four columns
    np.testing.assert_array_equal(shifted[:, :, :12], pixels[:, :, 4:])
    assert (shifted[:, :, 12:] == 0.5).all()
    assert len(np.unique(OPERATIONS["posterize"](pixels, 5))) <= 4  # two bits
    np.testing.assert_array_equal(OPERATIONS["solarize"](pixels, 10), pixels)
    np.testing.assert_allclose(OPERATIONS["solarize"](pixels, 0), 1 - pixels)
    flat = OPERATIONS["equalize"](pixels, 0)[..., 0].ravel()
    np.testing.assert_allclose(np.quantile(flat, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)


def test_a_rotation_by_ninety_degrees_would_turn_the_picture():
    square = clip()[:, :12, :12]
    np.testing.assert_array_equal(OPERATIONS["rotate"](square, 30), np.rot90(square, -1, (1, 2)))


def test_policies_are_functions_of_the_generator():
    assert len(POLICY_V0) == 25
    assert {name for pair in POLICY_V0 for name, _, _ in pair} <= set(OPERATIONS)
    for vary in (auto_augment, lambda pixels, rng: rand_augment(pixels, 2, 5, rng)):
        results = [vary(clip(), np.random.default_rng(seed)).tobytes() for seed in (*range(20), *range(20))]
        assert results[:20] == results[20:]
        assert len(set(results)) > 8  # of 25 pairs, whose operations are often left out


def test_flips_spare_a_clip_of_several_classes_if_one_names_a_side():
    augment = Augment(flip=True, flip_except=("turn left",))
    rng = np.random.default_rng(0)
    assert not any(draw(augment, 8, 8, "run|turn left", rng).flip for _ in range(40))
