import csv
import json
from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from movinet.evaluation.intervals import Accuracy
from results.drawing import Mark, step_line
from results.label_placement import Box, place_labels
from results.plots import front_plot, write_front
from results.record import TrialRecord
from results.store import append_record
from tests.results.test_record import record


def trial(number: int, mflops: float, accuracy: float | None, **changes) -> TrialRecord:
    return record(trial=number, cost={"flops": int(mflops * 1e6), "parameters": 100}, accuracy=accuracy, **changes)


TRIALS = [
    trial(0, 4.0, 0.5),
    trial(1, 2.0, 0.25),
    trial(2, 8.0, 0.5),
    trial(3, 9.0, 0.75, status="stopped"),
    trial(4, 1.0, None, status="failed", reason="loss is nan"),
    trial(5, 9.5, 0.375, status="stopped"),
]
FAMILY = {"A1": {"flops": 8_000_000, "accuracy": 0.875}, "A0": {"flops": 4_000_000, "accuracy": 0.625}}


def test_the_plot_data_of_a_small_run():
    plot = front_plot(TRIALS, FAMILY, "demo", classes=8)
    assert plot.front == (Mark(2.0, 0.25, "#1"), Mark(4.0, 0.5, "#0"), Mark(9.0, 0.75, "#3"))
    assert plot.dominated == (Mark(8.0, 0.5, "#2"),)
    assert plot.stopped == (Mark(9.5, 0.375, "#5"),)
    assert plot.family == (Mark(4.0, 0.625, "A0 62%"), Mark(8.0, 0.875, "A1 88%"))
    assert plot.chance == 0.125
    assert (plot.title, plot.subtitle) == ("demo", "6 trials, 1 failed, 3 on the front, no test split")
    assert (plot.epochs, plot.is_tested) == (1, False)


def test_a_family_with_a_test_split_stands_where_it_is_on_that(tmp_path):
    family = {
        name: {**metrics, "val_clips": 8, "test_accuracy": 0.5, "test_clips": 40} for name, metrics in FAMILY.items()
    }
    counted = [replace(each, val_clips=8) for each in TRIALS]
    plot = front_plot(counted, family, "demo", classes=8)
    assert plot.is_tested
    assert [(mark.accuracy, mark.label) for mark in plot.family] == [(0.5, "A0 50% (35-65)"), (0.5, "A1 50% (35-65)")]
    assert plot.front[-1].interval == Accuracy(0.75, 8).interval
    write_run(tmp_path / "demo", counted, family)
    drawn = next(path for path in write_front(tmp_path / "demo") if path.suffix == ".svg").read_text()
    for text in ("validation accuracy, best of 1 epochs (family: test)", "family, test", "A1 50% (35-65)"):
        assert f"<!-- {text} -->" in drawn


def test_the_step_line_never_promises_accuracy_below_its_cost():
    line = step_line([Mark(2.0, 0.25, ""), Mark(4.0, 0.5, "")], end=10.0)
    assert line == [(2.0, 0.25), (4.0, 0.25), (4.0, 0.5), (10.0, 0.5)]
    assert step_line([], end=10.0) == []


def write_run(folder, records, family=None):
    folder.mkdir()
    for one in records:
        append_record(folder, one)
    (folder / "labels.json").write_text(json.dumps([f"class {number}" for number in range(8)]))
    for name, metrics in (family or {}).items():
        (folder / "family" / name).mkdir(parents=True)
        (folder / "family" / name / "metrics.json").write_text(json.dumps(metrics))


def test_equal_runs_give_equal_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for parent in (tmp_path / "a", tmp_path / "b"):
        write_run(parent / "demo", TRIALS, FAMILY)
        names = [path.name for path in write_front(parent / "demo")]
        assert names == ["front.csv", "pareto.png", "pareto.svg"]
        assert not list((parent / "demo").glob(".draft-*"))
    for name in names:
        assert (tmp_path / "a" / "demo" / name).read_bytes() == (tmp_path / "b" / "demo" / name).read_bytes(), name


def test_the_front_as_csv(tmp_path):
    write_run(tmp_path / "demo", TRIALS)
    write_front(tmp_path / "demo")
    rows = list(csv.DictReader((tmp_path / "demo" / "front.csv").open()))
    assert [(row["trial"], row["flops"], row["accuracy"]) for row in rows] == [
        ("1", "2000000", "0.25"),
        ("0", "4000000", "0.5"),
        ("3", "9000000", "0.75"),
    ]
    assert json.loads(rows[0]["block3.kernel"]) == [5, 3, 3]


def test_a_run_without_any_result_still_has_a_picture(tmp_path):
    write_run(tmp_path / "demo", [])
    assert all(path.stat().st_size > 0 for path in write_front(tmp_path / "demo"))


places = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100)), max_size=25)


@given(places)
def test_labels_stay_in_the_frame_and_apart(points):
    frame = Box(0, 0, 200, 100)
    boxes = place_labels(points, [(18, 9)] * len(points), [], frame, gap=5)
    placed = [box for box in boxes if box]
    assert all(box.left >= 0 and box.right <= 200 and box.bottom >= 0 and box.top <= 100 for box in placed)
    assert not any(one.overlap(other) for one, other in combinations(placed, 2))


def test_a_label_goes_above_its_point_unless_something_is_there():
    frame = Box(0, 0, 100, 100)
    (above,) = place_labels([(50, 50)], [(10, 10)], [], frame, gap=5)
    assert above == Box(45, 55, 55, 65)
    (aside,) = place_labels([(50, 50)], [(10, 10)], [Box(40, 51, 60, 90)], frame, gap=5)
    assert aside is not None
    assert aside.overlap(Box(40, 51, 60, 90)) == 0
