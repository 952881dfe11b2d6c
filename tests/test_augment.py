"""Variation of training clips: inside its bounds, and never across what a label means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movinet.data.augment import Augment, centre_box, draw


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
