"""Exported files as a table: latency by threads, load, memory, size, accuracy, and how they stand to Model Garden's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from movinet.bench.deploy.sitting import FileMeasurement
from movinet.bench.networks.table import lines_of

REFERENCE = ("peer", "float32")
HEADINGS = ["file", "threads", "p50 ms", "p95 ms", "mean ms", "load ms", "peak MB", "file MB"]


def name(measurement: FileMeasurement) -> str:
    """What a file is called where people read."""
    return f"{'Model Garden ' * (measurement.side == 'peer')}{measurement.form}"


def markdown(measurements: Sequence[FileMeasurement], sitting: dict[str, Any]) -> str:
    """A line for each file and number of threads; how it was measured, and what failed and why, below.

    sitting: the fields of `About` and of `machine`.
    """
    judged, against = any(m.top1 is not None for m in measurements), any(m.side == "peer" for m in measurements)
    rows = [HEADINGS + ["top-1"] * judged + ["times faster than Model Garden float32"] * against]
    for m in measurements:
        row = [name(m), str(m.threads), *(_milliseconds(m, v) for v in (m.p50_ms, m.p95_ms, m.mean_ms, m.load_ms))]
        row += [_megabytes(m.peak_bytes), _megabytes(m.bytes)]
        row += ["-" if m.top1 is None else f"{m.top1:.1%}"] * judged + [_faster(m, measurements)] * against
        rows.append(row)
    return "\n".join([*lines_of(rows, texts=1), "", *_notes(measurements, sitting)]) + "\n"


def what(sitting: dict[str, Any]) -> str:
    """What one call takes."""
    return f"{sitting['frames']} frame{'s'[: sitting['frames'] > 1]} of {sitting['size']}²"


def ratio(measurement: FileMeasurement, measurements: Sequence[FileMeasurement]) -> float | None:
    """How many times faster a file is than Model Garden's float32 file on as many threads, by p50."""
    for other in measurements:
        if (other.side, other.form) == REFERENCE and other.threads == measurement.threads:
            return other.p50_ms / measurement.p50_ms if other.p50_ms and measurement.p50_ms else None
    return None


def _faster(measurement: FileMeasurement, measurements: Sequence[FileMeasurement]) -> str:
    found = ratio(measurement, measurements)
    return f"{found:.2f}x" if found else "-"


def _milliseconds(measurement: FileMeasurement, value: float | None) -> str:
    if value is None:
        return "failed" if measurement.failure else "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / 1e6:,.0f}" if count >= 1e8 else f"{count / 1e6:.3g}"


def _rounds(count: int) -> str:
    return f"{count} round{'s'[: count > 1]}"


def _notes(measurements: Sequence[FileMeasurement], sitting: dict[str, Any]) -> list[str]:
    lines = list(dict.fromkeys(f"- {name(m)}: {m.failure}" for m in measurements if m.failure))
    lines = [*lines, ""] if lines else []
    states = ", which passes all states on," if sitting["streams"] else ""
    lines.append(
        f"{sitting['network']}: milliseconds of a call of the exported runner{states} for {what(sitting)}. Load: from "
        "the file to the first answer.  "
    )
    timed = [m for m in measurements if m.calls]
    if timed:
        versions = {package: number for m in timed for package, number in (m.versions or {}).items()}
        libraries = max(m.libraries_bytes or 0 for m in timed) / 1e6
        lines.append(
            f"{min(m.calls for m in timed)} calls or more of each, in {_rounds(sitting['rounds'])} in which the files "
            f"take turns; each a process of its own, whose libraries alone take {libraries:,.0f} MB of the peak: "
            f"{', '.join(f'{package} {number}' for package, number in versions.items())}.  "
        )
    if sitting["clips"]:
        lines.append(f"Top-1: of {sitting['clips']} clips{', frame by frame' * sitting['streams']}.  ")
    if sitting["random"]:
        lines.append("The weights are random, on which time and memory do not depend.  ")
    where = f"{sitting['processor']}, {sitting['cores']} cores, {sitting['system']}, {sitting['date']}"
    return [*lines, f"{where}, load {sitting['load_average'] or 0:.1f} at the start."]
