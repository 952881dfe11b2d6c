"""Searches replayed on a table of made-up trainings, by the strategies and early stoppings of a live search."""

import json
import random
from dataclasses import asdict
from statistics import fmean

import pytest
from scipy.stats import wilcoxon

from benchmarks.search import simulate
from movinet.cost import network_cost
from results.table import RecordedTraining, write_table
from space.budget import Budget
from space.load import load_space
from space.sampling import sample_within
from tests.support.paths import ROOT

SPACE = load_space(ROOT / "configs/spaces/moving_shapes.yaml")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Networks are as accurate as they are costly, and better by their resolution; made up, and so named."""
    rng, trainings = random.Random(0), []
    for _ in range(40):
        candidate, _ = sample_within(SPACE, Budget(flops=3_000_000), rng, num_classes=12)
        cost = network_cost(candidate.spec(), num_classes=12)
        best = min(0.97, 0.2 + cost.flops / 6e6 + candidate["clip.resolution"] / 100)
        curve = tuple(best * (epoch + 4) / 10 for epoch in range(1, 7))
        trainings.append(RecordedTraining(candidate.values, candidate.id, asdict(cost), 0, curve, 6.0))
    path = tmp_path_factory.mktemp("table") / "made_up.csv.gz"
    write_table(path, trainings)
    return path


def run(table, path, arms, epochs=60, seeds=2):
    wanted = ["--strategies", *arms, "--seeds", str(seeds), "--epochs", str(epochs), "--processes", "1"]
    simulate.main([*wanted, "--table", str(table), "--json", str(path)])
    return json.loads(path.read_text())


def test_arms_are_replayed_for_equal_work_and_the_same_seeds_give_the_same_figures(table, tmp_path):
    arms = ["random", "random+top_k", "evolution+asha"]
    found = run(table, tmp_path / "one.json", arms)
    assert run(table, tmp_path / "two.json", arms) == found
    for arm in arms:
        assert len(found[arm]["hypervolume"]) == 2
        assert [epochs for epochs, _ in found[arm]["curve"]] == list(range(6, 61, 6))
        values = [value for _, value in found[arm]["curve"]]
        assert values == sorted(values), "a front never shrinks"
        assert max(found[arm]["hypervolume"]) <= found["best_known"]


def test_a_guided_search_beats_a_random_one_where_accuracy_follows_from_the_features(table, tmp_path):
    found = run(table, tmp_path / "guided.json", ["guided", "random"], epochs=72, seeds=3)
    assert fmean(found["guided"]["hypervolume"]) > fmean(found["random"]["hypervolume"]) + 0.02


@pytest.mark.slow
def test_the_default_search_beats_random_search_and_plain_evolution_on_the_recorded_table(tmp_path):
    """What configs/default.yaml ships is what has won: thirty seeds, equal work, p < 0.01 in each pair."""
    arms = ["default", "random", "evolution"]
    wanted = ["--strategies", *arms, "--seeds", "30", "--epochs", "144", "--json", str(tmp_path / "found.json")]
    simulate.main([*wanted, "--table", str(ROOT / simulate.TABLE), "--config", str(ROOT / simulate.CONFIG)])
    found = json.loads((tmp_path / "found.json").read_text())
    ours = found["default"]["hypervolume"]
    for arm in arms[1:]:
        theirs = found[arm]["hypervolume"]
        assert fmean(ours) > fmean(theirs)
        assert wilcoxon(ours, theirs).pvalue < 0.01, arm
