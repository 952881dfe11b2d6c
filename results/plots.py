"""What a run folder shows: records -> plot data (`front_plot`) -> front.csv, pareto.png and pareto.svg."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from movinet.machine.files import whole, write_whole
from results.drawing import FrontPlot, Mark, draw
from results.members import read_labels, read_members
from results.pareto import front
from results.record import TrialRecord
from results.store import load_records

PICTURES: dict[str, dict[str, Any]] = {"pareto.png": {"dpi": 200}, "pareto.svg": {"metadata": {"Date": None}}}


def front_records(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """The scored records on the front of FLOPs and accuracy, by rising FLOPs."""
    scored = [record for record in records if record.scored]
    return [scored[index] for index in front([(record.cost["flops"], record.accuracy or 0.0) for record in scored])]


def front_plot(
    records: Sequence[TrialRecord], family: dict[str, dict[str, Any]], title: str, classes: int | None
) -> FrontPlot:
    """The plot's data. family: member name -> its metrics (flops, accuracy); classes: how many there are to guess."""
    multi_label = any(record.multi_label for record in records)
    best = front_records(records)
    others = [record for record in records if record.scored and record not in best]
    failed = sum(record.status == "failed" for record in records)
    counts = [f"{len(records)} trials", f"{failed} failed" if failed else "", f"{len(best)} on the front"]
    members = [Mark(metrics["flops"] / 1e6, metrics["accuracy"], name) for name, metrics in family.items()]
    return FrontPlot(
        title=title,
        subtitle=", ".join(filter(None, counts)),
        dominated=tuple(_mark(record) for record in others if record.status != "stopped"),
        stopped=tuple(_mark(record) for record in others if record.status == "stopped"),
        front=tuple(_mark(record) for record in best),
        family=tuple(sorted(members, key=lambda mark: mark.mflops)),
        chance=1 / classes if classes and not multi_label else None,
        measure="mean average precision" if multi_label else "accuracy",
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


def _mark(record: TrialRecord) -> Mark:
    return Mark(record.cost["flops"] / 1e6, record.accuracy or 0.0, f"#{record.trial}")
