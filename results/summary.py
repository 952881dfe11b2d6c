"""The closing words of a run, as plain text: what was found, where it lies, and what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from movinet.spec import read_spec
from results.accuracies import in_validation, of_record, on_test, words_on_accuracy
from results.axes import AXES, Axis, cost_axes
from results.members import read_labels, read_members
from results.plots import front_records
from results.record import TrialRecord
from results.store import TRIALS_FILE, load_records


def closing_summary(
    run_folder: str | Path, example_video: str | Path | None = None, family: str | Path = "family"
) -> str:
    """A line on the trials, the front, the family, the files, and a command to try on `example_video`.

    family: its folder within the run's.
    """
    run, folder = Path(run_folder), Path(run_folder, family)
    records = load_records(run)
    members = read_members(run, family)
    costs = _costs_shown(records)
    parts = [trials_line(records), front_table(records), family_table(folder, members, costs)]
    labels = read_labels(run)
    parts.append("\n".join(words_on_accuracy(records, members, len(labels) if labels else None)))
    parts.append(f"picture  {run / 'pareto.png'}\nfront    {run / 'front.csv'}\ntrials   {run / TRIALS_FILE}")
    if members:
        best = max(members, key=lambda name: members[name]["accuracy"])
        words = ["python", "-m", "movinet", "predict", str(example_video or "VIDEO"), "--model"]
        words.append(str(folder / best))
        words += ["--stream"] if read_spec(folder / best / "spec.yaml").causal else []
        parts[-1] = "\n".join([parts[-1], *_phone_files(folder, members), f"try      {shlex.join(words)}"])
    return "\n\n".join(part for part in parts if part)


def trials_line(records: Sequence[TrialRecord]) -> str:
    """How many trials there were, and how they ended."""
    noun = "trial" if len(records) == 1 else "trials"
    counts = {status: sum(record.status == status for record in records) for status in ("stopped", "failed")}
    ended = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return f"{len(records)} {noun}{f' ({ended})' if ended else ''}, {len(front_records(records))} on the front"


def front_table(records: Sequence[TrialRecord]) -> str:
    """The front, by rising cost."""
    costs = _costs_shown(records)
    rows = [
        [f"#{record.trial}", *_cells({**record.cost, **record.objectives}, costs), of_record(record)]
        for record in front_records(records)
    ]
    measure = "mAP" if any(record.multi_label for record in records) else "accuracy"
    return text_table(["trial", *_header(costs), measure], rows) if rows else ""


def family_table(family: str | Path, members: dict[str, dict[str, Any]], costs: Sequence[Axis]) -> str:
    """The family's members: clip, costs, accuracy on the test split, if there is one, and in validation; folder."""
    has_test, rows = any("test_accuracy" in metrics for metrics in members.values()), []
    for name, metrics in members.items():
        folder, test = Path(family) / name, on_test(metrics)
        clip = read_spec(folder / "spec.yaml").clip
        accuracies = [*([test or ""] if has_test else []), in_validation(metrics)]
        rows.append([name, f"{clip.frames} x {clip.resolution}²", *_cells(metrics, costs), *accuracies, folder])
    measure = "mAP" if any("map" in metrics for metrics in members.values()) else "accuracy"
    measures = [f"test {measure}", f"val {measure}"] if has_test else [measure]
    header = ["member", "frames x pixels", *_header(costs), *measures, "folder"]
    return text_table(header, rows, left=("member", "folder")) if rows else ""


def _phone_files(family: Path, members: dict[str, dict[str, Any]]) -> list[str]:
    """Where the members' LiteRT files lie, and who has none."""
    written = {name: metrics["litert"] for name, metrics in members.items() if "litert" in metrics}
    files = sorted({found["file"] for found in written.values() if found["file"]})
    lines = [f"phones   {family / '*' / file}" for file in files]
    return lines + [f"no file  {name}: {found['reason']}" for name, found in written.items() if not found["file"]]


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]], left: Sequence[str] = ()) -> str:
    """Aligned columns, those named in `left` to the left."""
    lines = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if name in left else cell.rjust(width)
            for name, cell, width in zip(header, line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _costs_shown(records: Iterable[TrialRecord]) -> list[Axis]:
    """What the search was for first, then FLOPs and parameters."""
    return list(dict.fromkeys([*cost_axes(records), AXES["flops"], AXES["parameters"]]))


def _header(costs: Iterable[Axis]) -> list[str]:
    return ["parameters" if axis.name == "parameters" else axis.unit for axis in costs]


def _cells(values: Mapping[str, Any], costs: Iterable[Axis]) -> list[str]:
    shown = [(axis, values[axis.name]) for axis in costs]
    return [f"{value:,}" if axis.name == "parameters" else axis.cell(value) for axis, value in shown]
