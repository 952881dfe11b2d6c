"""Trials that failed, tried again on real Ray."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from results.store import load_history, load_records
from search.run import run_search
from search.settings import load_settings
from tests.support.made_up_evaluator import MadeUp, MadeUpSettings
from tests.support.search_runs import write_config


@dataclass(frozen=True)
class FragileSettings(MadeUpSettings):
    broken: str = ""  # a file that makes every third trial fail, as long as it is there


class Fragile(MadeUp):
    Settings = FragileSettings
    settings: FragileSettings

    def start(self, spec, seed):
        if seed % 3 == 0 and Path(self.settings.broken).exists():
            raise OSError("no space left")
        super().start(spec, seed)


def test_what_failed_is_tried_again_and_then_counts(tmp_path):
    pytest.importorskip("ray")
    run, broken = tmp_path / "runs" / "fragile", tmp_path / "broken"
    broken.touch()
    evaluator = {"name": "tests.search.test_retry:Fragile", "broken": str(broken)}
    settings = load_settings(write_config(tmp_path, tmp_path / "data", search={"trials": 4, "evaluator": evaluator}))
    run_search(settings, run)
    before = (run / "trials.jsonl").read_text()
    failed = {each.trial for each in load_records(run) if each.status == "failed"}
    assert failed == {0, 3}
    broken.unlink()
    records = run_search(settings, run, retry_failed=True)
    assert (run / "trials.jsonl").read_text().startswith(before)
    assert sorted(each.trial for each in load_history(run)) == [0, 0, 1, 2, 3, 3]
    assert sorted((each.trial, each.status) for each in records) == [(trial, "finished") for trial in range(4)]
    assert not list((run / "checkpoints").glob("*"))
