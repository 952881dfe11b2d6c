"""Pausing at rungs and going on with the best that wait there, on rungs made by hand."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.early_stopping.promote import Promote, gains
from search.early_stopping.stopping import Curve, RungSettings

PROMOTE = Promote(RungSettings(1, 2.0), 8)  # rungs after 1, 2, 4 and 8 epochs


def curve(trial: int, mflops: float, *accuracies: float) -> Curve:
    return Curve(trial, {"flops": mflops * 1e6}, accuracies)


def test_the_rungs_double_from_the_epochs_of_grace():
    assert PROMOTE.rungs == {1, 2, 4, 8}


def test_between_rungs_every_trial_goes_on():
    better = [curve(n, 1, 0.9, 0.9, 0.9) for n in range(6)]
    assert PROMOTE.goes_on(curve(9, 2, 0.1, 0.1, 0.1), better)
    assert not PROMOTE.goes_on(curve(9, 2, 0.1), better)


def test_of_those_who_wait_the_highest_rung_comes_first_and_of_a_rung_the_best():
    low = [curve(0, 1, 0.2), curve(1, 1, 0.5), curve(2, 1, 0.4), curve(3, 1, 0.1)]
    high = [curve(4, 1, 0.3, 0.6), curve(5, 1, 0.3, 0.7)]
    assert PROMOTE.next_up([*low, *high], []) == 5
    assert PROMOTE.next_up([*low, high[0]], [curve(5, 1, 0.3, 0.7, 0.8)]) == 1, "its rung's best goes on already"
    assert PROMOTE.next_up(low[:1], [curve(6, 1, 0.9), curve(7, 1, 0.8)]) is None
    assert PROMOTE.next_up([], high) is None


def test_what_waits_goes_on_when_worse_ones_have_come_to_its_rung():
    waiting, better = curve(0, 1, 0.4), curve(1, 1, 0.6, 0.7)
    assert PROMOTE.next_up([waiting], [better]) is None
    assert PROMOTE.next_up([waiting, curve(2, 1, 0.1), curve(3, 1, 0.2)], [better]) == 0


def test_of_one_front_the_network_that_adds_most_comes_first():
    front = [curve(0, 1.0, 0.50), curve(1, 1.05, 0.51), curve(2, 3.0, 0.90), curve(3, 3.9, 0.91)]
    assert PROMOTE.next_up(front, []) == 2


@given(st.integers(0, 10_000), st.integers(1, 30), st.sampled_from([1, 2, 4]))
def test_who_dominates_all_others_of_its_rung_is_never_held(seed, count, epoch):
    rng = random.Random(seed)
    others = [
        curve(n, rng.uniform(1, 4), *(round(rng.uniform(0, 0.8), 1) for _ in range(rng.randint(epoch, 8))))
        for n in range(count)
    ]
    assert PROMOTE.goes_on(curve(99, 0.9, *[0.9] * epoch), others)
    assert PROMOTE.next_up([curve(99, 0.9, *[0.9] * epoch)], others) == 99


def test_a_point_adds_the_area_that_no_other_of_its_front_covers():
    points = [(1e6, 0.5), (1e6, 0.5), (2e6, 0.6), (2e6, 0.4), (3e6, 0.6)]
    found = gains(points)
    assert found[0] == found[1] == 0, "each covers for the other"
    assert found[2] > 0
    assert gains([]) == []
    alone = gains([(1e6, 0.5), (10e6, 0.9)])
    assert alone[0] == pytest.approx(0.01 * 1.0043, rel=0.01)  # one decade, a little more, by the least that counts
