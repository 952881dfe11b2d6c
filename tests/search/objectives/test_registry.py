"""Objectives by name: units and directions of results.axes, values of records, and which ones a search may have."""

from dataclasses import replace

import pytest

from movinet.config.typed import ConfigError, build
from results.axes import AXES, cost_axes
from results.drawing import step_line
from results.plots import front_plot, front_records
from results.record import record_from_json
from search.objectives.registry import OBJECTIVES
from search.settings import SearchSettings
from search.strategies.random_search import RandomSearch
from tests.contracts.strategy_contract import TASK, ended

RECORD = ended(0, RandomSearch(TASK, None, 0).ask(0).candidate, 0.5)


def test_each_objective_is_an_axis_and_reads_a_record():
    assert {name: (each.unit, each.direction) for name, each in OBJECTIVES.items()} == {
        name: (axis.unit, axis.direction) for name, axis in AXES.items()
    }
    assert OBJECTIVES["accuracy"].of(RECORD) == 0.5
    assert OBJECTIVES["parameters"].of(RECORD) == RECORD.cost["parameters"]
    assert OBJECTIVES["latency_ms"].of(replace(RECORD, objectives={"latency_ms": 2.5})) == 2.5


def test_records_of_version_1_are_read_and_searched_by_flops():
    line = RECORD.to_json().replace('"version":2', '"version":1').replace(',"objectives":{},"val_clips":null', "")
    assert record_from_json(line) == RECORD
    assert cost_axes([RECORD]) == [AXES["flops"]]


def test_accuracies_are_compared_as_whole_counts_of_clips():
    rounded = [replace(RECORD, accuracy=value, val_clips=30) for value in (16 / 30, 0.53333336)]
    assert len({each.value("accuracy") for each in rounded}) == 1


def test_a_front_is_of_the_cost_that_its_records_were_searched_by():
    small = replace(RECORD, trial=1, accuracy=0.4, cost={**RECORD.cost, "flops": 9 * RECORD.cost["flops"]})
    searched = [replace(each, objectives={"parameters": n}) for each, n in ((RECORD, 200), (small, 100))]
    assert [each.trial for each in front_records([RECORD, small])] == [0]
    assert [each.trial for each in front_records(searched)] == [1, 0]


def test_a_front_of_three_objectives_keeps_what_is_best_by_either_cost():
    objectives = ("accuracy", "flops", "buffer_bytes")
    values = [(0.5, 100, 9), (0.5, 200, 3), (0.6, 300, 9), (0.5, 300, 4)]
    searched = [
        replace(RECORD, trial=trial, accuracy=each[0], objectives=dict(zip(objectives, each, strict=True)))
        for trial, each in enumerate(values)
    ]
    assert [each.trial for each in front_records(searched)] == [0, 1, 2]
    assert SearchSettings(objectives=objectives).costs == ("flops", "buffer_bytes")
    plot = front_plot(searched, {}, "three", classes=None)
    assert plot.subtitle == "4 trials, 3 on the front, which is of KiB of buffers, too"
    assert step_line(plot.front, end=1e-3) == [(1e-4, 0.5), (3e-4, 0.5), (3e-4, 0.6), (1e-3, 0.6)]


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (
            ["flops", "parameters"],
            "search.objectives=('flops', 'parameters') is not allowed; allowed: accuracy and one or two",
        ),
        (["accuracy"], "accuracy and one or two of flops, parameters, activation_bytes, buffer_bytes"),
        (["accuracy", "flops", "flops"], "accuracy and one or two of flops"),
        (["accuracy", "watts"], "accuracy and one or two of flops"),
        (["accuracy", "latency_ms"], "buffer_bytes (latency_ms is not measured during a search)"),
    ],
)
def test_what_no_search_may_have_is_told(objectives, message):
    with pytest.raises(ConfigError) as caught:
        build(SearchSettings, {"objectives": objectives}, "search")
    assert message in str(caught.value)
