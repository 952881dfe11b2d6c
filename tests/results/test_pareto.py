import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.pareto import crowding, front, gaps, hypervolume, log_hypervolume, normalised_hypervolume, ranks

# Few distinct values, so that ties and copies are common.
plane_lists = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)
point_lists = plane_lists | st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=12)  # with two costs


def dominates(one, other):
    (*costs, accuracy), (*others, its) = one, other
    return all(cost <= than for cost, than in zip(costs, others, strict=True)) and accuracy >= its and one != other


def test_a_front_written_by_hand():
    points = [(3, 0.7), (1, 0.4), (2, 0.3), (2, 0.6), (5, 0.7), (9, 0.9)]
    assert front(points) == [1, 3, 0, 5]


def test_of_equal_cost_the_more_accurate_and_of_equal_accuracy_the_cheaper():
    assert front([(1, 0.5), (1, 0.6)]) == [1]
    assert front([(2, 0.5), (1, 0.5)]) == [1]


def test_all_copies_of_a_front_point_are_on_it():
    assert front([(2, 0.8), (1, 0.5), (2, 0.8)]) == [1, 0, 2]


def test_no_points_no_front():
    assert front([]) == ranks([]) == crowding([]) == []
    assert hypervolume([], (1, 0)) == 0


@given(point_lists)
def test_the_front_is_what_nothing_dominates(points):
    by_definition = {i for i, point in enumerate(points) if not any(dominates(other, point) for other in points)}
    found = front(points)
    assert set(found) == by_definition
    assert len(found) == len(by_definition)
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


@given(point_lists)
def test_ranks_are_those_of_peeling_fronts_off(points):
    expected, left, rank = {}, set(range(len(points))), 0
    while left:
        peeled = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        expected |= dict.fromkeys(peeled, rank)
        left, rank = left - peeled, rank + 1
    assert ranks(points) == [expected[i] for i in range(len(points))]


def test_a_hypervolume_written_by_hand():
    assert hypervolume([(1, 0.5), (2, 0.75)], (4, 0.25)) == (4 - 1) * 0.25 + (4 - 2) * 0.25


@given(point_lists, st.integers(0, 7), st.integers(0, 7))
def test_the_hypervolume_counts_the_dominated_unit_squares(points, limit, floor):
    squares = sum(
        any(cost <= x and accuracy >= y + 1 for cost, *_, accuracy in points)
        for x in range(limit)
        for y in range(floor, 7)
    )
    assert hypervolume(points, (limit, floor)) == squares


def test_a_hypervolume_in_decades():
    assert log_hypervolume([(10, 0.5), (100, 0.75)], (1000, 0.25)) == pytest.approx(2 * 0.25 + 1 * 0.25)


@given(point_lists)
def test_only_the_front_makes_the_hypervolume(points):
    assert hypervolume(points, (7, 0)) == hypervolume([points[i] for i in front(points)], (7, 0))


def test_crowding_written_by_hand():
    points = [(4, 0.8), (0, 0.0), (1, 0.6)]
    assert crowding(points) == pytest.approx([math.inf, math.inf, 1.0 + 1.0])
    assert crowding([(0, 0.0), (1, 0.4), (2, 0.5), (10, 1.0)]) == pytest.approx([math.inf, 0.7, 1.5, math.inf])


def test_with_two_costs_both_ends_of_each_are_alone():
    points = [(1, 3, 0.5), (2, 2, 0.6), (3, 1, 0.7), (2, 2, 0.6)]
    assert crowding(points) == pytest.approx([math.inf, 0.5 + 0.5 + 0.5, math.inf, 0.5 + 0.5 + 0.5])


def test_few_points_and_copies_are_no_special_case():
    assert crowding([(1, 0.5)]) == [math.inf]
    assert crowding([(1, 0.5)] * 3) == [math.inf, 0.0, math.inf]


def test_the_normalised_hypervolume_is_a_share_of_the_rectangle_above_chance():
    def share(*points):
        return normalised_hypervolume(points, 1e6, 1e8, floor=0.2)

    assert share() == share((1e9, 1.0)) == share((1e7, 0.2)) == 0
    assert share((1e6, 1.0)) == share((1e3, 1.0))
    assert share((1e6, 1.0)) == pytest.approx(1)
    assert share((1e7, 1.0)) == pytest.approx(0.5)
    assert share((1e6, 0.6)) == pytest.approx(0.5)
    assert share((1e6, 0.6), (1e7, 1.0)) == pytest.approx(0.75)


def test_gaps_are_decades_between_neighbours_and_finite_at_the_ends():
    assert gaps([(1e3, 0.1), (1e6, 0.9), (1e4, 0.5)]) == pytest.approx([2.0, 4.0, 3.0])
    assert gaps([(1e3, 0.5)]) == [0.0]
    assert gaps([]) == []
