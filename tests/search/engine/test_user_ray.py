"""Searches in the process of a user who has imported Ray, or is in a Ray already."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.search_runs import write_config

pytest.importorskip("ray")
USER = """
import json, sys
import ray

if __name__ == "__main__":
    from pathlib import Path
    from search import load_settings, run_search

    def searched(name):
        return [record.reason for record in run_search(settings, Path(sys.argv[1]).parent / name)]

    settings = load_settings(sys.argv[1])
    said = {"first": searched("one"), "again": searched("two"), "ended": not ray.is_initialized()}
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
    double = ray.remote(lambda number: 2 * number)
    said |= {"within": searched("three"), "kept": ray.get(double.remote(4))}
    settings = load_settings(sys.argv[1], ["resources.threads_per_worker=3"])
    try:
        searched("four")
    except ValueError as error:
        said["no room"] = str(error)
    print(json.dumps(said))
"""


def test_searches_run_after_an_import_of_ray_twice_and_within_the_users_own(tmp_path):
    search = {"trials": 2, "evaluator": "tests.support.made_up_evaluator:MadeUp"}
    config = write_config(tmp_path, tmp_path / "data", search=search, resources={"workers": 1})
    done = subprocess.run(
        [sys.executable, "-c", USER, str(config)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    refused = said.pop("no room")
    assert said == {"first": [None] * 2, "again": [None] * 2, "ended": True, "within": [None] * 2, "kept": 8}
    assert refused.startswith(
        "resources: a worker of 3 threads and 0 GPUs has no room in this process's Ray; allowed: "
    )
    assert not (tmp_path / "data").exists()  # nor was anything decoded
