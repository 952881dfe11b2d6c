"""Pictures of an evaluation: confusion matrix, calibration, accuracy over frames seen, the worst clips."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from movinet.data.batching.pipeline import View, make_view
from movinet.data.cache import FrameCache
from movinet.evaluation.intervals import Accuracy
from movinet.machine.files import whole
from movinet.spec import ClipSpec

DPI = 130
INK, SOFT, BLUE = "#222222", "#8a8a8a", "#2a6f97"
NAMED, COUNTED = 60, 25  # classes up to which axes are named, cells hold their counts


def confusion(matrix: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Rows are the right classes, columns the predicted ones; colours are shares of the row."""
    side = max(4.5, min(0.36 * len(classes) + 2.4, 22))
    figure, axes = _figure((side, side))
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= NAMED:
        names = [textwrap.shorten(name, 28, placeholder="...") for name in classes]
        axes.set_xticks(range(len(classes)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(len(classes)), names, fontsize=8)
    if len(classes) <= COUNTED:
        for row, column in np.argwhere(matrix):
            ink = "white" if shares[row, column] > 0.55 else INK
            axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=8, color=ink)
    axes.set_xlabel("predicted")
    axes.set_ylabel("right class")
    clips = int(matrix.sum())
    accuracy = Accuracy(float(np.trace(matrix)) / max(clips, 1), clips)
    axes.set_title(f"{clips} clips, top-1 {accuracy}", fontsize=11, color=INK)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.03)
    bar.set_label("share of the class", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    _save(figure, path)


def reliability(bins: np.ndarray, ece: float, path: Path) -> None:
    """Accuracy over confidence, as far as clips are there; the bars' width is that of the bins."""
    figure, axes = _figure((5, 4.6))
    filled, width = bins[:, 0] > 0, 1 / len(bins)
    middles = (np.arange(len(bins)) + 0.5) * width
    axes.bar(middles[filled], bins[filled, 2], width * 0.92, color=BLUE, alpha=0.85, label="accuracy")
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle="--", label="as sure as right")
    for middle, (count, _, accuracy) in zip(middles[filled], bins[filled], strict=True):
        axes.text(middle, accuracy + 0.015, f"{int(count)}", ha="center", fontsize=7, color=SOFT)
    axes.set(xlim=(0, 1), ylim=(0, 1.08), xlabel="confidence (numbers: clips)", ylabel="accuracy")
    axes.set_title(f"expected calibration error {ece:.3f}", fontsize=11, color=INK)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    _spare(axes)
    _save(figure, path)


def over_frames(accuracies: Sequence[float], clip: ClipSpec, path: Path) -> None:
    """Top-1 accuracy over the frames that a stream has seen."""
    figure, axes = _figure((5.6, 3.8))
    frames = np.arange(1, len(accuracies) + 1)
    axes.plot(frames, accuracies, color=BLUE, linewidth=2, marker="o", markersize=3)
    last = (frames[-1], accuracies[-1])
    axes.annotate(f"{last[1]:.1%}", last, (0, 8), textcoords="offset points", ha="right", fontsize=9)
    axes.set(xlim=(0, len(accuracies) + 0.5), ylim=(0, 1.02), ylabel="top-1")
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel(f"frames seen, {clip.frames_per_second:g} per second")
    axes.set_title("accuracy while a stream goes on", fontsize=11, color=INK)
    _spare(axes)
    _save(figure, path)


def worst_clips(cache: FrameCache, rows: Sequence[dict[str, Any]], clip: ClipSpec, path: Path, frames: int = 6) -> None:
    """A row of frames for each clip, what it is and what it was taken for; two clips beside each other."""
    size = max(clip.resolution, 96)
    shown = ClipSpec(clip.frames, size, clip.frames_per_second)
    chosen = np.linspace(0, clip.frames - 1, frames).astype(int)
    lines = -(-len(rows) // 2)
    figure, axes = _figure((15, 1.62 * lines), lines, 2)
    grid = np.atleast_2d(axes)
    for place in grid.ravel():
        place.axis("off")
    for place, row in zip(grid.ravel(), rows, strict=False):
        pixels = make_view(cache, np.array([row["entry"]]), shown, View())[0][chosen]
        apart = np.pad(pixels.clip(0, 1), ((0, 0), (0, 0), (0, 3), (0, 0)), constant_values=1.0)
        place.imshow(np.concatenate(apart, axis=1)[:, :-3])
        name = textwrap.shorten(Path(row["path"]).name, 40, placeholder="...")
        text = f"{row['label']}, taken for {row['predicted']} ({row['probability']:.0%})   {name}"
        if row["label"] == row["predicted"]:
            text = f"{row['label']}, right ({row['probability']:.0%})   {name}"
        place.set_title(text, fontsize=8, loc="left", color=INK, pad=3)
    _save(figure, path)


def _figure(size: tuple[float, float], rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """Without pyplot, which would open a display and keep every figure."""
    from matplotlib.figure import Figure

    figure = Figure(size, layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, columns)


def _spare(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)


def _save(figure: Any, path: Path) -> None:
    with whole(path) as draft:
        figure.savefig(draft, dpi=DPI)
