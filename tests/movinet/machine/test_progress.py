"""One countdown: what is left at the speed so far, told in place on a terminal and in lines elsewhere."""

import io

import pytest

from movinet.machine.progress import Countdown, Progress, clock, counted


def test_times_read_well():
    assert [clock(seconds) for seconds in (0.4, 45, 725, 12_000)] == ["0 s", "45 s", "12 min 5 s", "3 h 20 min"]


def test_the_time_left_is_told_at_the_speed_since_the_work_began():
    now = [5.0]
    countdown = Countdown(now=lambda: now[0])
    now[0] = 10.0
    countdown.begin(40)  # an earlier process did so much
    assert countdown.left(40, 100) == ""
    now[0] = 14.0
    assert countdown.left(42, 100) == ", 1 min 56 s left"
    assert countdown.gone == 4.0


def test_it_is_due_once_in_so_many_seconds():
    now = [0.0]
    countdown = Countdown(3.0, now=lambda: now[0])
    due = []
    for now[0] in (1.0, 2.9, 3.0, 5.0, 6.5):
        due.append(countdown.is_due)
    assert due == [False, False, True, False, True]


class Stream(io.StringIO):
    def __init__(self, is_terminal: bool):
        super().__init__()
        self.isatty = lambda: is_terminal


@pytest.fixture
def shown(monkeypatch):
    def progress(is_terminal: bool) -> tuple[Progress, Stream]:
        monkeypatch.setattr("sys.stderr", stream := Stream(is_terminal))
        made = Progress()
        made.countdown.every = 0.0
        return made, stream

    return progress


def test_lines_where_there_is_no_terminal(shown):
    progress, stream = shown(is_terminal=False)
    for done in (1, 2):
        progress.count("clips decoded", done, 2)
    progress.count("clips written", 1, 5)  # other work: nothing is known of its speed
    progress.note("done")
    progress.clear()
    assert stream.getvalue().splitlines() == [
        "clips decoded 1/2",
        "clips decoded 2/2, 0 s left",
        "clips written 1/5",
        "done",
    ]


def test_one_line_in_place_on_a_terminal(shown):
    progress, stream = shown(is_terminal=True)
    for done in (1, 2):
        progress.count("clips decoded", done, 2)
    progress.clear()
    first, second, cleared, _ = stream.getvalue().split("\r")[1:]
    assert first.rstrip(" ") == "clips decoded 1/2"
    assert second.split() == ["clips", "decoded", "2/2,", "0", "s", "left"]
    assert second.endswith("\n")
    assert not cleared.strip()


def test_work_that_is_repeated_is_timed_anew(shown):
    progress, stream = shown(is_terminal=False)
    for done, total in ((1, 3), (3, 3), (1, 3), (2, 3)):
        progress.count("seconds", done, total)
    assert [" left" in line for line in stream.getvalue().splitlines()] == [False, True, False, True]


def test_items_are_counted_from_the_second_on(monkeypatch):
    monkeypatch.setattr("movinet.machine.progress.EVERY", 0.0)
    said = []
    assert list(counted("abc", 3, "frames", said.append, each=1000)) == ["a", "b", "c"]
    assert [line.rpartition(", ")[0] for line in said] == ["2,000 of 3,000 frames", "3,000 of 3,000 frames"]
