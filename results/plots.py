"""What a run folder shows: records -> plot data (`front_plot`) -> front.csv, pareto.png and pareto.svg."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from movinet.evaluation.intervals import Accuracy
from movinet.machine.files import whole, write_whole
from results.accuracies import epochs_of, first_of, in_validation, of_record
from results.axes import Axis, cost_axes
from results.drawing import FrontPlot, Mark, draw
from results.members import read_labels, read_members
from results.pareto import front
from results.record import TrialRecord
from results.store import load_records

PICTURES: dict[str, dict[str, Any]] = {"pareto.png": {"dpi": 200}, "pareto.svg": {"metadata": {"Date": None}}}


def front_records(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """The scored records on the front of accuracy and the costs that they were searched by, by rising first cost."""
    scored = [record for record in records if record.scored]
    costs = [axis.name for axis in cost_axes(scored)]
    return [scored[index] for index in front([record.point(costs) for record in scored])]


def front_plot(
    records: Sequence[TrialRecord], family: dict[str, dict[str, Any]], title: str, classes: int | None
) -> FrontPlot:
    """The plot's data. family: member name -> its metrics (costs, accuracy); classes: how many there are to guess.

    Of several costs the first is shown: what is on the front for another may lie below the line.
    """
    axis, *hidden = cost_axes(records)
    multi_label = any(record.multi_label for record in records)
    best = front_records(records)
    others = [record for record in records if record.scored and record not in best]
    failed = sum(record.status == "failed" for record in records)
    counts = [f"{len(records)} trials", f"{failed} failed" if failed else "", f"{len(best)} on the front"]
    counts += [f"which is of {each.unit}, too" for each in hidden]
    is_tested = bool(family) and all("test_accuracy" in metrics for metrics in family.values())
    counts += [] if is_tested or not family else ["no test split"]
    members = [
        _mark(metrics[axis.name], axis, accuracy, f"{name} {accuracy.percent(0)}")
        for name, metrics in family.items()
        for accuracy in [first_of(metrics) if is_tested else in_validation(metrics)]
    ]
    return FrontPlot(
        title=title,
        subtitle=", ".join(filter(None, counts)),
        dominated=tuple(_mark_of(record, axis) for record in others if record.status != "stopped"),
        stopped=tuple(_mark_of(record, axis) for record in others if record.status == "stopped"),
        front=tuple(_mark_of(record, axis) for record in best),
        family=tuple(sorted(members, key=lambda mark: mark.cost)),
        chance=1 / classes if classes and not multi_label else None,
        measure="mean average precision" if multi_label else "accuracy",
        cost_label=axis.label,
        epochs=epochs_of(records),
        is_tested=is_tested,
    )


def front_csv(records: Iterable[TrialRecord]) -> str:
    """The front as CSV: trial, spec_id, accuracy, the costs, then every decision of the space."""
    rows = [
        {"trial": record.trial, "spec_id": record.spec_id, "accuracy": record.accuracy, **record.cost}
        | {name: json.dumps(value) if isinstance(value, list) else value for name, value in record.candidate.items()}
        for record in front_records(records)
    ]
    columns = dict.fromkeys(["trial", "spec_id", "accuracy", *(name for row in rows for name in row)])
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_front(run_folder: str | Path) -> list[Path]:
    """Writes front.csv, pareto.png and pareto.svg from the run folder's records, labels and family.

    Equal folders give equal files.  Returns the paths.
    """
    import matplotlib

    run = Path(run_folder)
    records = load_records(run)
    labels = read_labels(run)
    figure = draw(front_plot(records, read_members(run), run.resolve().name, len(labels) if labels else None))
    write_whole(run / "front.csv", front_csv(records))
    with matplotlib.rc_context({"svg.hashsalt": "movinet-search"}):
        for name, how in PICTURES.items():
            with whole(run / name) as draft:
                figure.savefig(draft, **how)
    return [run / name for name in ("front.csv", *PICTURES)]


def _mark_of(record: TrialRecord, axis: Axis) -> Mark:
    return _mark(axis.of(record), axis, of_record(record), f"#{record.trial}")


def _mark(cost: float, axis: Axis, accuracy: Accuracy, label: str) -> Mark:
    return Mark(_place(cost, axis), accuracy.value, label, accuracy.interval)


def _place(value: float, axis: Axis) -> float:
    """Where a cost stands on a logarithmic axis, which has no 0."""
    return max(value, 1.0) / axis.scale
