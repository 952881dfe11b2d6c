"""Wilson's intervals, against published values and against drawn clips."""

import random

import pytest

from movinet.evaluation.intervals import Accuracy


@pytest.mark.parametrize(
    ("right", "clips", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_intervals_are_those_published(right, clips, low, high):
    assert Accuracy(right / clips, clips).interval == pytest.approx((low, high), abs=5e-5)


def test_nineteen_of_twenty_intervals_hold_what_is_true():
    rng, true, clips = random.Random(0), 0.8, 120
    found = [Accuracy(sum(rng.random() < true for _ in range(clips)) / clips, clips).interval for _ in range(2000)]
    assert sum(low <= true <= high for low, high in filter(None, found)) / 2000 == pytest.approx(0.95, abs=0.015)


def test_it_reads_as_percent_and_only_what_is_counted_has_one():
    assert str(Accuracy(0.7125, 480)) == "71.2% (67.0-75.1)"
    assert Accuracy(0.7125, 480).percent(0) == "71% (67-75)"
    assert str(Accuracy(1.0, 4)) == "100.0% (51.0-100.0)"
    assert str(Accuracy(0.5)) == "50.0%"
    assert Accuracy(0.5).interval is None
    assert str(Accuracy(16 / 30 + 1e-8, 30)) == str(Accuracy(16 / 30, 30))


def test_two_are_alike_when_their_difference_may_be_none():
    """Newcombe (1998), Statistics in Medicine 17:873-890: 56/70 - 48/80 has 0.0524 to 0.3339 by method 10."""
    better, worse = Accuracy(56 / 70, 70), Accuracy(48 / 80, 80)
    assert not better.is_like(worse)
    assert not worse.is_like(better)
    assert better.is_like(Accuracy(56 / 80, 80))
    assert better.is_like(better)
    assert not Accuracy(0.5).is_like(Accuracy(0.5))


def test_chance_may_do_as_well_as_what_is_little_better():
    assert Accuracy(2 / 12, 12).is_like_chance(1 / 12)
    assert not Accuracy(120 / 480, 480).is_like_chance(1 / 12)
    assert not Accuracy(0.1).is_like_chance(0.5)
