"""Probabilities over a video, frame by frame: a picture (.png), or the video and its curves side by side (.gif)."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from movinet.data.video.frames import Converter, Shown
from movinet.prediction.drawing import Drawing

POINTS = {".png": 2000, ".gif": 120}  # at most, of a curve; a longer video is thinned
SIDE = 240  # pixels, of the GIF's frames
SLOWEST = 0.2  # seconds that a frame of a GIF is shown at most; longer videos are time-lapses
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c6d31", "#4d4d4d", "#b0413e")
FEW = {"marker": "o", "markersize": 4}  # few answers are shown as such
INK, SOFT, GRID = "#222222", "#8a8a8a", "#e6e6e6"


@dataclass(frozen=True)
class Point:
    """What is kept of an answer: the moment (seconds), probabilities (classes,) and, for a GIF, the frame."""

    seconds: float
    probabilities: np.ndarray
    frame: Image.Image | None = None


class Curves(Drawing):
    """Collects answers, and draws the `top` classes, those with the greatest mean.

    Memory does not grow with the video, since every second point goes when there are too many.
    """

    def __init__(self, path: str | Path, labels: Sequence[str], top: int, title: str):
        super().__init__(path)
        self._labels, self._top, self._title = labels, top, title
        suffix = self._path.suffix.lower()
        self._animated, self._limit = suffix == ".gif", POINTS[suffix]
        self._convert = Converter(SIDE)
        self._every, self._seen = 1, 0
        self.points: list[Point] = []

    def add(self, seconds: float, probabilities: np.ndarray, shown: Shown) -> None:
        """The next answer, while `shown` was on screen."""
        if self._seen % self._every == 0:
            frame = Image.fromarray(self._convert(shown)) if self._animated else None
            self.points.append(Point(seconds, probabilities.astype(np.float32), frame))
        self._seen += 1
        if len(self.points) > self._limit:
            self.points, self._every = self.points[::2], 2 * self._every

    def _end(self, kept: bool) -> None:
        if kept and self.points:
            self._draft.write_bytes(self._drawn())

    def _drawn(self) -> bytes:
        shares = np.stack([point.probabilities for point in self.points])
        best = np.argsort(-shares.mean(0), kind="stable")[: min(self._top, len(COLOURS))]
        seconds = np.array([point.seconds for point in self.points])
        draw = _Drawing(seconds, shares[:, best], [self._labels[int(place)] for place in best], self._title)
        out = io.BytesIO()
        if self._animated:
            self._animate(draw, out)
        else:
            draw.picture((9.0, 4.2), 130).save(out, "PNG", optimize=True)
        return out.getvalue()

    def _animate(self, draw: _Drawing, out: io.BytesIO) -> None:
        """Curves grow as the video goes on: the picture with curves up to a moment, the one without after it."""
        full, empty = draw.picture((5.4, 3.4), 100), draw.picture((5.4, 3.4), 100, curves=False)
        pictures, colours = [], _palette(full, 56)
        for point in self.points:
            assert point.frame is not None
            moment = draw.column(point.seconds)
            plot = empty.copy()
            plot.paste(full.crop((0, 0, moment, full.height)), (0, 0))
            plot.paste(SOFT, (moment, draw.top, moment + 2, draw.bottom))
            frame = _at_height(point.frame, plot.height)
            both = Image.new("RGB", (frame.width + plot.width, plot.height), "white")
            both.paste(frame, (0, 0))
            both.paste(plot, (frame.width, 0))
            palette = Image.new("P", (1, 1))
            palette.putpalette(colours + _palette(frame, 200))
            pictures.append(both.quantize(palette=palette, dither=Image.Dither.NONE))
        seconds = [point.seconds for point in self.points]
        step = float(np.diff(seconds).mean()) if len(seconds) > 1 else SLOWEST
        pictures[0].save(
            out, "GIF", save_all=True, append_images=pictures[1:], duration=round(1000 * min(step, SLOWEST)), loop=0
        )


class _Drawing:
    """The curves as a picture by matplotlib, and where in it a moment lies."""

    def __init__(self, seconds: np.ndarray, shares: np.ndarray, labels: Sequence[str], title: str):
        self._seconds, self._shares, self._labels, self._title = seconds, shares, labels, title

    def picture(self, size: tuple[float, float], dpi: int, curves: bool = True) -> Image.Image:
        """size: width and height in inches; curves: False leaves them out, all else in its place."""
        from matplotlib import rc_context

        with rc_context({"text.parse_math": False}), warnings.catch_warnings():  # a name may have dollars
            warnings.filterwarnings("ignore", "Glyph")  # or letters that the font has not
            return self._picture(size, dpi, curves)

    def _picture(self, size: tuple[float, float], dpi: int, curves: bool) -> Image.Image:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(size, dpi=dpi, layout="constrained")
        axes: Any = figure.add_subplot()
        lines = []
        for place, colour in enumerate(COLOURS[: len(self._labels)]):
            (line,) = axes.plot(self._seconds, self._shares[:, place], color=colour, linewidth=1.8)
            lines.append(line)
            line.set(visible=curves, clip_on=False, **FEW if len(self._seconds) <= 20 else {})
        end = self._seconds[-1] + (len(self._seconds) == 1)  # an axis for a single answer, too
        axes.set(xlim=(self._seconds[0], end), ylim=(0, 1.0), xlabel="seconds", ylabel="probability")
        axes.set_title(self._title, fontsize=10, color=INK, loc="left")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(SOFT)
        axes.tick_params(labelsize=8, colors=INK)
        figure.draw_without_rendering()
        legend: Any = figure.legend(lines, self._labels, loc="outside lower left", ncols=3, frameon=False, fontsize=8)
        for handle in legend.legend_handles:
            handle.set_visible(True)
        out = io.BytesIO()
        figure.savefig(out, format="png")
        picture = Image.open(out).convert("RGB")
        box = axes.get_window_extent()
        self.top, self.bottom = round(picture.height - box.y1), round(picture.height - box.y0)
        self._left, self._right = box.x0, box.x1
        return picture

    def column(self, seconds: float) -> int:
        """Where a moment lies, in pixels from the left of the last picture."""
        first, last = self._seconds[0], self._seconds[-1]
        return round(self._left + (seconds - first) / max(last - first, 1e-9) * (self._right - self._left))


def _palette(picture: Image.Image, count: int) -> list[int]:
    """The `count` colours that serve a picture best; those of thin curves are lost where a photograph competes."""
    return (picture.quantize(count, method=Image.Quantize.MAXCOVERAGE).getpalette() or [])[: 3 * count]


def _at_height(frame: Image.Image, height: int) -> Image.Image:
    return frame.resize((round(frame.width * height / frame.height), height), Image.Resampling.BICUBIC)
