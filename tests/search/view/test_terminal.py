import io
from dataclasses import replace

import pytest
from rich.console import Console

from search.settings import SearchSettings, Settings
from search.view.terminal import Terminal
from space.yaml_file import read_yaml
from tests.results.test_plots import trial

SETTINGS = Settings(**read_yaml("configs/spaces/moving_shapes.yaml"))


def run(terminal: Terminal) -> None:
    """The events of a run of two trials and one family member."""
    with terminal:
        terminal.on_data("writing clips", 0, 10)
        terminal.on_data("writing clips", 10, 10)
        for _ in range(2):  # once for the search, once for the family
            terminal.on_note("1 clips give no frames")
        terminal.on_run(2, 1, [])
        terminal.on_start(0, 4_000_000, 0)
        terminal.on_epoch(0, {"epoch": 1, "val_accuracy": 0.5})
        terminal.on_record(trial(0, 4.0, 0.5))
        terminal.on_start(1, 4_000_000, 0)
        terminal.on_record(trial(1, 8.0, None, status="failed", reason="loss is nan"))
        terminal.on_start("A0", 4_000_000, 0)
        terminal.on_epoch("A0", {"epoch": 1, "val_accuracy": 0.75})
        terminal.on_member("A0", {"accuracy": 0.75, "flops": 4_000_000})


def test_without_a_terminal_there_are_plain_lines():
    stream = io.StringIO()
    run(Terminal("demo", SETTINGS, stream, live=False))
    lines = stream.getvalue().splitlines()
    assert [line.split(" | ")[0] for line in lines] == [
        "writing clips: 0/10",
        "writing clips: 10/10",
        "1 clips give no frames",
        "search: 2 trials on 1 worker",
        "trial 0 finished: 50.0% at 4 MFLOPs",
        "trial 1 failed: loss is nan at 8 MFLOPs",
        "A0 trained: 75.0% at 4 MFLOPs",
    ]
    assert "1/2   best 50.0% at 4 MFLOPs (#0)   front 1" in lines[4]
    assert "2/2   1 failed" in lines[5]
    assert "\x1b" not in stream.getvalue()


def test_a_long_silence_is_broken_by_an_epoch(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("search.view.terminal.QUIET_SECONDS", 0.0)
    run(Terminal("demo", SETTINGS, stream, live=False))
    assert "#0 epoch 1/" in stream.getvalue()
    assert "A0 epoch 1/" in stream.getvalue()


def test_a_live_view_is_redrawn_and_says_why_a_trial_failed_and_what_is_left_out():
    stream = io.StringIO()
    run(Terminal("demo", SETTINGS, stream, live=True))
    assert "\x1b" in stream.getvalue()
    assert "trial 1 failed: loss is nan" in stream.getvalue()
    assert stream.getvalue().count("1 clips give no frames") == 1


def shown(terminal: Terminal) -> list[str]:
    """The lines of the live view."""
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        console.print(terminal.render())
    return capture.get().splitlines()


def test_the_view_names_what_is_in_training_and_the_best_so_far():
    terminal = Terminal("demo", SETTINGS, io.StringIO(), live=True)
    terminal.on_run(3, 2, [trial(0, 4.0, 0.5)])
    terminal.on_start(1, 4_000_000, 1)
    terminal.on_epoch(1, {"epoch": 1, "val_accuracy": 0.25})
    heading, facts, columns, row = shown(terminal)
    assert heading.split()[0] == "search"
    assert "1 of 3" in heading
    assert facts.startswith("best 50.0% at 4 MFLOPs (#0)   front 1, hypervolume ")
    assert columns.split() == ["worker", "training", "MFLOPs", "epoch", "accuracy"]
    assert row.split()[:2] == ["2", "#1"]
    assert row.split()[-1] == "25.0%"


def test_costs_are_shown_in_the_unit_of_what_is_searched_by():
    stream = io.StringIO()
    settings = replace(SETTINGS, search=SearchSettings(objectives=("accuracy", "buffer_bytes")))
    terminal = Terminal("demo", settings, stream, live=False)
    terminal.on_run(1, 1, [])
    terminal.on_start(0, 2048, 0)
    columns, row = shown(terminal)[-2:]
    assert "KiB of buffers" in columns
    assert row.split()[:3] == ["1", "#0", "2.00"]
    terminal.on_record(trial(0, 4.0, 0.5, objectives={"accuracy": 0.5, "buffer_bytes": 2048}))
    terminal.on_member("A0", {"accuracy": 0.75, "flops": 4_000_000, "buffer_bytes": 3072})
    lines = stream.getvalue().splitlines()
    assert "trial 0 finished: 50.0% at 2 KiB of buffers | " in lines[1]
    assert "A0 trained: 75.0% at 3 KiB of buffers | " in lines[2]


@pytest.mark.parametrize(("ci", "live"), [("true", False), ("1", False), ("", True), ("false", True)])
def test_ci_wants_plain_lines_even_on_a_terminal(monkeypatch, ci, live):
    class TerminalStream(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("TERM", "xterm")
    assert Terminal("demo", SETTINGS, TerminalStream()).live is live
    assert not Terminal("demo", SETTINGS, io.StringIO()).live
