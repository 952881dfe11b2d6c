import io

import pytest

from search.progress import Running, SearchProgress
from search.terminal import SearchView, Terminal
from tests.test_plots import trial


def search(stream: io.StringIO, live: bool) -> None:
    terminal = Terminal(stream, live)
    with SearchView(terminal, "demo", SearchProgress(2, [], floor=0.125, limit=100e6, now=0.0)) as view:
        view.trial_started(0, Running(worker=1, flops=4_000_000, epochs=1))
        view.epoch_done(0, 1, 0.5)
        view.trial_ended(trial(0, 4.0, 0.5))
        view.trial_started(1, Running(worker=1, flops=8_000_000, epochs=1))
        view.trial_ended(trial(1, 8.0, None, status="failed", reason="loss is nan"))


def test_without_a_terminal_there_is_one_plain_line_per_trial():
    stream = io.StringIO()
    search(stream, live=False)
    first, second = stream.getvalue().splitlines()
    assert first.startswith("trial 0 finished: 50.0% at 4 MFLOPs | 1/2 done, best 50.0% at 4 MFLOPs (trial 0), front 1")
    assert second.startswith("trial 1 failed: loss is nan at 8 MFLOPs | 2/2 done, 1 failed")
    assert "\x1b" not in stream.getvalue()


def test_a_live_view_shows_the_trials_under_way_and_why_one_failed():
    stream = io.StringIO()
    search(stream, live=True)
    assert "\x1b" in stream.getvalue()
    assert "trial 1 failed: loss is nan" in stream.getvalue()
    assert "worker" in stream.getvalue()


@pytest.mark.parametrize(("ci", "live"), [("true", False), ("1", False), ("", True), ("false", True)])
def test_ci_wants_plain_lines_even_on_a_terminal(monkeypatch, ci, live):
    class TerminalStream(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("TERM", "xterm")
    assert Terminal(TerminalStream()).live is live
    assert not Terminal(io.StringIO()).live


def test_a_plain_step_says_its_beginning_and_its_end():
    stream = io.StringIO()
    with Terminal(stream, live=False).step("writing clips") as step:
        for done in range(101):
            step(done, 100)
    assert stream.getvalue().splitlines() == ["writing clips ...", "writing clips: 100/100, 0:00"]
