"""Work over several processes: in order, and a process that dies costs one item."""

import os
import sys

from movinet.data.workers import in_processes


def square(x: int) -> int:
    return x * x


def die_at_seven(x: int) -> int:
    if x == 7:
        os._exit(1)
    return x


def heavy_modules(_: int) -> list[str]:
    return [name for name in ("tensorflow", "keras", "ray") if name in sys.modules]


def test_results_come_in_order():
    assert list(in_processes(square, range(40), workers=2)) == [x * x for x in range(40)]
    assert list(in_processes(square, [3])) == [9]


def test_a_process_that_dies_costs_its_item_only():
    done = list(in_processes(die_at_seven, range(40), workers=2, crashed=lambda x: -x))
    assert done == [-7 if x == 7 else x for x in range(40)]


def test_workers_load_no_heavy_library():
    assert set(map(tuple, in_processes(heavy_modules, range(32), workers=2))) == {()}
