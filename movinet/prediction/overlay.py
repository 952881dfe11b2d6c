"""The video with what the model says drawn over it: names, bars and probabilities, as they change."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from movinet.data.video.encode import OPTIONS
from movinet.data.video.frames import Converter, Shown
from movinet.prediction.drawing import Drawing
from movinet.prediction.report import Classes

LEAST_SIDE = 360  # pixels; on smaller pictures nobody could read
INK, FAINT, BAR, TROUGH, PANEL = (255, 255, 255), (205, 212, 220), (86, 180, 233), (70, 76, 84), (14, 17, 22, 185)
TICKS = 90_000  # per second


class Overlay(Drawing):
    """An H.264 file of the frames it is shown, without sound."""

    def __init__(self, path: str | Path):
        super().__init__(path)
        self._convert = Converter(None)
        self._container: Any = None
        self._stream: Any = None
        self._panel = Image.new("RGBA", (1, 1))
        self._classes: Classes = []

    def _end(self, kept: bool) -> None:
        if self._stream is None:
            return
        if kept:
            self._container.mux(self._stream.encode())
        self._container.close()

    def add(self, shown: Shown, classes: Classes | None) -> None:
        """The next frame, with these classes over it or, where there is None, those before."""
        picture = Image.fromarray(self._convert(shown))
        stream = self._stream or self._open(*picture.size)
        picture = picture if picture.size == self._size else picture.resize(self._size, Image.Resampling.LANCZOS)
        if classes is not None and classes != self._classes:
            self._classes, self._panel = classes, panel(classes, *self._size)
        picture.paste(self._panel, (0, self._size[1] - self._panel.height), self._panel)
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        frame.pts, frame.time_base = round(shown.time * TICKS), Fraction(1, TICKS)
        self._container.mux(stream.encode(frame))

    def _open(self, width: int, height: int) -> Any:
        scale = max(1.0, LEAST_SIDE / min(width, height))
        self._size = round(width * scale) // 2 * 2, round(height * scale) // 2 * 2  # 4:2:0 colours: even
        self._container = av.open(str(self._draft), "w")
        self._stream = self._container.add_stream("libx264", rate=30, options=OPTIONS)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        return self._stream


def panel(classes: Classes, width: int, height: int) -> Image.Image:
    """A dark glass for the lower left of a picture of `width` x `height`, a row for each class."""
    size = max(14, round(min(width, height) / 22))
    font, margin, row = _font(size), round(0.7 * size), round(1.55 * size)
    classes = classes[: max(1, (height - margin) // row)]
    bar = min(round(9 * size), width // 3)
    name = min(round(max((font.getlength(label) for label, _ in classes), default=0)) + 1, round(0.45 * width))
    share = round(font.getlength("100.0%"))
    across = min(name + bar + share + 4 * margin, width - 2 * margin)
    down = len(classes) * row + margin
    picture = Image.new("RGBA", (across + margin, down + margin))
    if not classes:
        return picture
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((margin, 0, margin + across - 1, down - 1), size // 2, PANEL)
    for place, (label, probability) in enumerate(classes):
        middle, left = margin // 2 + place * row + row // 2, 2 * margin
        ink = INK if place == 0 else FAINT
        pen.text((left, middle), _fitted(label, font, name), ink, font, anchor="lm")
        left += name + margin
        box = (left, middle - size // 4, left + bar, middle + size // 4)
        pen.rounded_rectangle(box, size // 4, TROUGH)
        if (filled := round(probability * bar)) > 0:
            pen.rounded_rectangle((*box[:2], left + filled, box[3]), min(size // 4, filled // 2), BAR)
        pen.text((margin + across - margin // 2, middle), f"{probability:.1%}", ink, font, anchor="rm")
    return picture


@cache
def _font(size: int) -> Any:
    """Matplotlib's, as in the plot: Pillow's own has no letters beyond English."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _fitted(label: str, font: Any, width: float) -> str:
    """The label, or as much of it as fits."""
    if font.getlength(label) <= width:
        return label
    while label and font.getlength(label + "…") > width:
        label = label[:-1]
    return label.rstrip() + "…"
