"""Exported files as a picture: latency with its 95th percentile by threads; beside it size and, if known, accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from movinet.bench.deploy.sitting import FileMeasurement
from movinet.bench.deploy.table import name, what
from movinet.machine.files import whole

INK, SOFT, GRID = "#222222", "#8a8a8a", "#e6e6e6"
SHADES = {"ours": ("#2a6f97", "#74a9c6", "#b9d5e4"), "peer": ("#d1590f", "#e69560", "#f3c9ab")}  # by threads
DPI = 130
SIZES = {"ours": "#9aa3ad", "peer": SHADES["peer"][1]}
BARS = 0.8  # of the height of a row


def draw(measurements: Sequence[FileMeasurement], sitting: dict[str, Any], path: Path) -> None:
    """Writes a .png. Rows are the files, in the table's order; those that failed say so."""
    from matplotlib.figure import Figure

    keys = list(dict.fromkeys((m.side, m.form) for m in measurements))
    threads = sorted({m.threads for m in measurements})
    judged = any(m.top1 is not None for m in measurements)
    first = [next(m for m in measurements if (m.side, m.form) == key) for key in keys]
    figure = Figure((12 if judged else 10, 1.7 + 0.5 * len(keys)), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 2 + judged, sharey=True, width_ratios=[3, 1, 1][: 2 + judged])
    _latencies(panels[0], measurements, keys, threads)
    _bars(panels[1], [m.bytes and m.bytes / 1e6 for m in first], first, "file, MB")
    if judged:
        _bars(panels[2], [m.top1 and 100 * m.top1 for m in first], first, f"top-1 of {sitting['clips']} clips, %")
    panels[0].set_yticks(range(len(keys)), [name(m) for m in first])
    for label, key in zip(panels[0].get_yticklabels(), keys, strict=True):
        label.set_color(SHADES["peer"][0] if key[0] == "peer" else INK)
    panels[0].set_ylim(len(keys) - 0.4, -0.6)
    figure.suptitle(f"{sitting['network']}, {what(sitting)}", x=0.01, ha="left", fontsize=13, color=INK)
    figure.supxlabel(f"{sitting['processor']}, {sitting['date']}", x=0.01, ha="left", fontsize=8, color=SOFT)
    with whole(path) as draft:
        figure.savefig(draft, dpi=DPI, format="png")


def _latencies(
    axes: Any, measurements: Sequence[FileMeasurement], keys: list[tuple[str, str]], threads: list[int]
) -> None:
    height = BARS / len(threads)
    for m in measurements:
        place, shade = threads.index(m.threads), SHADES[m.side][min(threads.index(m.threads), 2)]
        y = keys.index((m.side, m.form)) + (place - (len(threads) - 1) / 2) * height
        if m.p50_ms is None or m.p95_ms is None:
            if place == 0:
                axes.text(0, y, "  failed" if m.failure else "", va="center", fontsize=8, color=SOFT)
            continue
        axes.barh(y, m.p50_ms, 0.9 * height, color=shade)
        axes.plot([m.p50_ms, m.p95_ms], [y, y], color=INK, linewidth=0.9)
        axes.plot(m.p95_ms, y, "|", color=INK, markersize=4)
        axes.text(m.p95_ms, y, f"  {m.p50_ms:.3g}, {m.p95_ms:.3g}", va="center", fontsize=7, color=INK)
    for count, shade in zip(threads, SHADES["ours"], strict=False):
        axes.barh(0, 0, color=shade, label=f"{count} thread{'s'[: count > 1]}")
    axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(threads))
    axes.set_xlabel("latency, ms: median (bar, first number) and 95th percentile (line, second)", fontsize=9)
    _spare(axes)


def _bars(axes: Any, values: Sequence[float | None], first: Sequence[FileMeasurement], title: str) -> None:
    for y, (value, m) in enumerate(zip(values, first, strict=True)):
        if value is not None:
            axes.barh(y, value, 0.6, color=SIZES[m.side])
            axes.text(value, y, f" {value:.3g}", va="center", fontsize=8, color=INK)
    axes.set_xlabel(title, fontsize=9)
    _spare(axes)


def _spare(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
