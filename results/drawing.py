"""Draws a front: `FrontPlot` (plain numbers) -> matplotlib figure.  matplotlib is imported when something is drawn."""

from __future__ import annotations

import math
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from results.axes import AXES
from results.label_placement import Box, place_labels

if typing.TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRONT, FAMILY, FAINT, INK, PALE_INK = "#1f4e9c", "#d1590f", "#9aa3ad", "#2b2f36", "#5c6670"
IN_POINTS: typing.Any = {"textcoords": "offset points"}
Line = list[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """One network in the plot."""

    cost: float  # in the unit of the plot's axis
    accuracy: float  # in [0, 1]
    label: str
    interval: tuple[float, float] | None = None  # of the accuracy, 95 %


@dataclass(frozen=True)
class FrontPlot:
    """All that is drawn: the front as a step line with trial numbers, the family connected, other trials faint.

    Front and family by rising cost.  dominated, stopped: trials off the front that ran to their end, and those that
    early stopping ended, whose accuracy is of fewer epochs.  chance: the accuracy of guessing, if known.  measure: what
    is called accuracy here.  cost_label: of the logarithmic axis.  epochs: of which the best counts.  is_tested: the
    family stands where it is on the test split, all else where it is in validation.
    """

    title: str
    subtitle: str
    dominated: tuple[Mark, ...]
    stopped: tuple[Mark, ...]
    front: tuple[Mark, ...]
    family: tuple[Mark, ...]
    chance: float | None
    measure: str = "accuracy"
    cost_label: str = AXES["flops"].label
    epochs: int = 0
    is_tested: bool = False

    @property
    def marks(self) -> tuple[Mark, ...]:
        return (*self.dominated, *self.stopped, *self.front, *self.family)


def draw(plot: FrontPlot) -> Figure:
    """The figure: accuracy against cost on a logarithmic axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(9, 5.6), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    _prepare_axes(axes, plot)
    front_line = step_line(plot.front, end=axes.get_xlim()[1])
    _draw_marks(axes, plot, front_line)
    axes.set_title(plot.title, loc="left", pad=26, fontsize=15, fontweight="bold", color=INK)
    axes.annotate(plot.subtitle, (0, 1), xycoords="axes fraction", xytext=(0, 9), **IN_POINTS, color=PALE_INK)
    if plot.marks:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.015, 1.0),
            ncols=4,
            columnspacing=1.5,
            handletextpad=0.4,
            frameon=False,
            labelcolor=INK,
        )
    figure.draw_without_rendering()  # the layout is final only now, and labels are placed in pixels
    family_line = [(mark.cost, mark.accuracy) for mark in plot.family]
    _draw_labels(axes, plot, obstacles=_obstacles(axes, plot, [front_line, family_line]))
    return figure


def step_line(front: Sequence[Mark], end: float) -> Line:
    """The best accuracy to be had for each cost: corners of the steps, from the cheapest point to cost `end`.

    front: by rising cost. What is no more accurate than a cheaper one, on the front for another cost, is no step.
    """
    line: Line = []
    for mark in front:
        if not line:
            line.append((mark.cost, mark.accuracy))
        elif mark.accuracy > line[-1][1]:
            line += [(mark.cost, line[-1][1]), (mark.cost, mark.accuracy)]
    return [*line, (end, line[-1][1])] if line else []


def _prepare_axes(axes: Axes, plot: FrontPlot) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, PercentFormatter, StrMethodFormatter

    costs = [mark.cost for mark in plot.marks] or [1.0]
    heights = [mark.accuracy for mark in plot.marks] + ([plot.chance] if plot.chance is not None else [])
    margin = max((max(costs) / min(costs)) ** 0.07, 1.3)
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / margin, max(costs) * margin)
    axes.set_ylim(max(min(heights, default=0.0) - 0.06, 0.0), min(max(heights, default=1.0) + 0.08, 1.04))
    subs = (1, 2, 5) if max(costs) > 8 * min(costs) else (1, 1.5, 2, 3, 4, 5, 7)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=(1, 2, 5, 10)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(plot.cost_label, color=INK)
    best = f", best of {plot.epochs} epochs" if plot.epochs else ""
    axes.set_ylabel(f"validation {plot.measure}{best}{' (family: test)' if plot.is_tested else ''}", color=INK)
    axes.tick_params(colors=INK, which="both", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.grid(color="#e8ebee", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_marks(axes: Axes, plot: FrontPlot, front_line: Line) -> None:
    def columns(marks: Sequence[Mark]) -> tuple[list[float], list[float]]:
        return [mark.cost for mark in marks], [mark.accuracy for mark in marks]

    if plot.chance is not None:
        axes.axhline(plot.chance, color=FAINT, linestyle=":", linewidth=1.4)
        right_end = {"xycoords": axes.get_yaxis_transform(), "xytext": (0, 4), "ha": "right"}
        axes.annotate("chance", (1, plot.chance), **right_end, **IN_POINTS, color=PALE_INK)
    if plot.dominated:
        axes.plot(*columns(plot.dominated), "o", color=FAINT, alpha=0.5, markersize=5.5, mew=0, label="dominated")
    if plot.stopped:
        axes.plot(*columns(plot.stopped), "o", color=FAINT, alpha=0.6, markersize=5, mfc="none", label="stopped early")
    if plot.front:
        axes.plot(*zip(*front_line, strict=True), color=FRONT, linewidth=1.6, alpha=0.5)
        axes.plot(*columns(plot.front), "o", color=FRONT, markersize=7, label="front")
    if plot.family:
        axes.plot(
            *columns(plot.family),
            "-D",
            color=FAMILY,
            linewidth=1.5,
            markersize=7.5,
            label="family, test" if plot.is_tested else "family",
        )
    for color, marks in ((FRONT, plot.front), (FAMILY, plot.family)):
        known = [(mark.cost, *mark.interval) for mark in marks if mark.interval]
        if known:
            axes.vlines(*zip(*known, strict=True), color=color, linewidth=1.1, alpha=0.35)


def _draw_labels(axes: Axes, plot: FrontPlot, obstacles: list[Box]) -> None:
    """Trial numbers and member names beside their marks; a number that finds no room is left to front.csv."""
    marks = [*plot.family, *plot.front]
    texts = [
        axes.annotate(
            mark.label,
            (mark.cost, mark.accuracy),
            xytext=(0, 0),
            **IN_POINTS,
            ha="center",
            va="center",
            fontsize=11 if index < len(plot.family) else 9.5,
            fontweight="bold" if index < len(plot.family) else "normal",
            color=FAMILY if index < len(plot.family) else FRONT,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4},
        )
        for index, mark in enumerate(marks)
    ]
    anchors = [_pixels(axes, (mark.cost, mark.accuracy)) for mark in marks]
    sizes = [(extent.width, extent.height) for extent in (text.get_window_extent() for text in texts)]
    boxes = place_labels(anchors, sizes, obstacles, Box(*axes.get_window_extent().extents), gap=8.0)
    points_per_pixel = 72 / axes.figure.dpi
    for text, (x, y), box in zip(texts, anchors, boxes, strict=True):
        if box is None:
            text.remove()
            continue
        across, up = (box.left + box.right) / 2 - x, (box.bottom + box.top) / 2 - y
        text.set_position((across * points_per_pixel, up * points_per_pixel))
        text.set_in_layout(False)
        if text.arrow_patch:
            text.arrow_patch.set_visible(math.hypot(across, up) > 32)


def _obstacles(axes: Axes, plot: FrontPlot, lines: Sequence[Line]) -> list[Box]:
    """What labels should not cover, in pixels: every mark and every text, and the lines as chains of dots."""
    marks = [_pixels(axes, (mark.cost, mark.accuracy)) for mark in plot.marks]
    boxes = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in marks]
    boxes += [Box(*text.get_window_extent().extents) for text in axes.texts]
    for line in lines:
        corners = [_pixels(axes, corner) for corner in line]
        for (x, y), (next_x, next_y) in pairwise(corners):
            dots = math.ceil(math.hypot(next_x - x, next_y - y) / 4)
            shares = [(dot + 0.5) / dots for dot in range(dots)]
            path = [(x + share * (next_x - x), y + share * (next_y - y)) for share in shares]
            boxes += [Box(x - 2, y - 2, x + 2, y + 2) for x, y in path]
    return boxes


def _pixels(axes: Axes, point: tuple[float, float]) -> tuple[float, float]:
    x, y = axes.transData.transform(point)
    return float(x), float(y)
