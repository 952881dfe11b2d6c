"""A search that ends by trials, hours or epochs, and goes on when it is given more, on real Ray."""

import pytest

from results.store import load_records
from search.folder import steer_run
from search.limits import Limits
from search.run import run_search
from search.settings import load_settings
from search.view.listener import Listener
from tests.support.search_runs import write_config

MADE_UP = "tests.support.made_up_evaluator:MadeUp"


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        (Limits(trials=10), 0.5),
        (Limits(hours=1), 0.25),
        (Limits(epochs=40), 0.75),
        (Limits(trials=10, hours=1, epochs=40), 0.75),
    ],
)
def test_the_first_limit_to_be_reached_counts(limits, used):
    assert limits.used(trials=5, seconds=900, epochs=30) == used


class Heard(Listener):
    def __init__(self):
        self.spent, self.totals = [], []

    def on_spent(self, seconds):
        self.spent.append(seconds)

    def on_run(self, total, workers, finished):
        self.totals.append((total, len(finished)))


def test_a_finished_search_goes_on_with_more_and_keeps_what_it_has(tmp_path):
    pytest.importorskip("ray")
    run, heard = tmp_path / "run", Heard()
    path = write_config(tmp_path, tmp_path / "data", search={"trials": None, "epochs": 3, "evaluator": MADE_UP})
    first = run_search(load_settings(path), run, heard)
    assert sum(len(each.measurements) for each in first) == 3
    lines = (run / "trials.jsonl").read_text()
    settings = steer_run(run, ["search.trials=5", "search.epochs=null"])
    assert load_settings(run / "config.yaml") == settings
    assert len(run_search(settings, run, heard)) == 5
    assert (run / "trials.jsonl").read_text().startswith(lines)
    assert [each.trial for each in load_records(run)][: len(first)] == [each.trial for each in first]
    assert heard.totals == [(None, 0), (5, len(first))]
    assert heard.spent[0] == 0.0 < heard.spent[1]
    assert len(run_search(settings, run, heard)) == 5
    assert len(heard.totals) == 2, "a search that is over starts nothing"
