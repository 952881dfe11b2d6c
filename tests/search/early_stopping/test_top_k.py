"""The best fraction by non-dominated rank, on fronts that can be read off."""

import pytest

from search.early_stopping.stopping import Curve
from search.early_stopping.top_k import TopK, TopKSettings
from tests.contracts.early_stopping_contract import made_up_curves, replayed

FRONT = [
    Curve(n, {"flops": mflops * 1e6}, (accuracy, 0.9)) for n, (mflops, accuracy) in enumerate([(1, 0.3), (2, 0.5)])
]
BEHIND = [Curve(n, {"flops": n * 1e6}, (0.2, 0.9)) for n in range(2, 8)]


def goes_on(
    mflops: float, *accuracies: float, grace: int = 1, reduction: float = 4.0, others=(*FRONT, *BEHIND)
) -> bool:
    return TopK(TopKSettings(grace, reduction), 6).goes_on(Curve(99, {"flops": mflops * 1e6}, accuracies), others)


def test_who_is_on_the_front_goes_on_however_inaccurate():
    assert goes_on(0.5, 0.1)
    assert goes_on(3, 0.6)


def test_who_is_on_the_front_of_another_cost_goes_on():
    small = Curve(99, {"flops": 9e6, "buffer_bytes": 1.0}, (0.1,))
    others = [Curve(each.trial, {**each.costs, "buffer_bytes": 2.0}, each.accuracies) for each in (*FRONT, *BEHIND)]
    assert not TopK(TopKSettings(1), 6).goes_on(small, others)
    assert TopK(TopKSettings(1), 6, ("flops", "buffer_bytes")).goes_on(small, others)


def test_behind_a_front_of_two_of_nine_the_second_front_is_among_the_best_quarter_and_the_third_is_not():
    assert goes_on(2, 0.4)
    assert not goes_on(4, 0.1)


def test_trials_are_compared_once_after_the_epochs_of_grace_by_their_best_so_far():
    assert goes_on(4, 0.1, 0.1)
    assert not goes_on(4, 0.9, 0.1, grace=2)
    assert goes_on(0.9, 0.9, 0.1, grace=2)


def test_trials_that_did_not_come_as_far_are_not_compared():
    started = [Curve(each.trial, each.costs, ()) for each in BEHIND]
    assert goes_on(4, 0.1, others=(*FRONT, *started))


@pytest.mark.parametrize("reduction", [2, 4, 6])
def test_the_first_so_many_go_on(reduction):
    whole = made_up_curves(1)
    seen = replayed(TopK(TopKSettings(1, reduction), 6), whole, workers=1)
    assert [seen[trial] for trial in range(reduction)] == whole[:reduction]
    assert sum(len(curve.accuracies) == 1 for curve in seen.values()) > len(whole) / 3
