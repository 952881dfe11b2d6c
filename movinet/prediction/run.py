"""`predict` at work: one clip of each video, or one video followed to its end; what it says goes to standard output."""

from __future__ import annotations

import errno
import math
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from movinet.data.centre import centre_clip
from movinet.data.video.file import VideoError
from movinet.experiment.progress import Progress
from movinet.models.answers import class_probabilities, likeliest
from movinet.models.model import Model
from movinet.prediction.curves import Curves
from movinet.prediction.follow import Answer, follow
from movinet.prediction.overlay import Overlay
from movinet.prediction.report import ReportLine
from movinet.prediction.video import LiveVideo, misfit, open_video

if TYPE_CHECKING:
    from movinet.layers.pool import Pool


@dataclass(frozen=True)
class Show:
    """What is told: the `top` classes of at least `threshold`; as JSON lines; `named`: each line names its video."""

    top: int = 5
    threshold: float = 0.0
    json: bool = False
    named: bool = False


@dataclass(frozen=True)
class Run:
    """Models that answer together, and how. streaming: frame by frame; every: frames between answers (None: a second
    of a stream, a quarter of a clip)."""

    models: list[Model]
    show: Show
    pool: Pool
    streaming: bool = False
    every: int | None = None

    @cached_property
    def progress(self) -> Progress:
        """Begun when it is first asked for."""
        return Progress()

    def clip(self, video: str) -> None:
        """Tells the classes of the middle of a video. Raises VideoError."""
        with open_video(video) as file:
            notes = [misfit(file, self.models, streaming=False)]
        logits = []
        for model in self.models:
            clip, damage = centre_clip(video, model.clip)
            logits.append(model.logits(clip))
        notes.append(damage and f"damaged: {damage}")
        self._tell(ReportLine(video, self._likeliest(np.mean(logits, axis=0)), notes=tuple(filter(None, notes))))

    def follow(self, source: str, overlay: str | None = None, plot: str | None = None, quiet: bool = False) -> None:
        """Tells the classes of a video as it goes on, and draws them. Raises VideoError, OSError where a stream breaks.

        quiet: only draws.  What is drawn of a video that is interrupted is kept.
        """
        with ExitStack() as stack:
            video = stack.enter_context(open_video(source))
            over = overlay and stack.enter_context(Overlay(overlay))
            labels, title = self.models[0].labels, Path(source).name
            drawn = plot and stack.enter_context(Curves(plot, labels, self.show.top, title))
            stack.callback(self._clear)
            if (note := misfit(video, self.models, self.streaming)) and not quiet:
                self._note(source, note)
            step = 1 if self.streaming and (drawn or over) else self._every  # a drawing shows what each frame changes
            for shown, answers in follow(video, self.models, step, self.pool, self.streaming):
                for answer in answers:
                    if drawn:
                        drawn.add(answer.seconds, self._probabilities(answer.logits), shown)
                    if not quiet and (answer.frames % self._every == 0 or shown.last):
                        self._answer(source, answer)
                if over:
                    over.add(shown, self._likeliest(answers[-1].logits) if answers else None)
                if video.seconds and not self.show.named and (quiet or not sys.stdout.isatty()):
                    whole = math.ceil(video.seconds)
                    self.progress.data("seconds", min(int(shown.until), whole - 1), whole)
            if isinstance(video, LiveVideo) and video.lost:
                raise OSError(errno.ECONNABORTED, f"the stream broke off ({video.lost})", source)
            if video.damage:
                self._note(source, f"damaged: {video.damage}")

    def folder(self, videos: list[str]) -> int:
        """A line for each video; one that cannot be read is a line with its reason. 1 if none could be read, else 0."""
        broken = 0
        for done, video in enumerate(videos, 1):
            try:
                self.follow(video) if self.streaming else self.clip(video)
            except VideoError as error:
                broken += 1
                self._tell(ReportLine(video, error=error.reason))
            self.progress.data("videos", done, len(videos))
        return int(broken == len(videos))

    @cached_property
    def _every(self) -> int:
        clip = self.models[0].clip
        return self.every or max(1, round(clip.frames_per_second) if self.streaming else clip.frames // 4)

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return class_probabilities(logits, self.models[0].multi_label)

    def _likeliest(self, logits: np.ndarray) -> list[tuple[str, float]]:
        return likeliest(self._probabilities(logits), self.models[0].labels, self.show.top, self.show.threshold)

    def _answer(self, source: str, answer: Answer) -> None:
        self._tell(ReportLine(source, self._likeliest(answer.logits), seconds=answer.seconds, frame=answer.frames))

    def _tell(self, report: ReportLine) -> None:
        self._clear()
        if self.show.json:
            print(report.as_json(), flush=True)
            return
        for note in report.notes:
            self._note(report.video, note)
        table = not self.show.named and report.seconds is None
        print(report.as_table() if table else report.as_line(self.show.named), flush=True)

    def _note(self, video: str, note: str) -> None:
        self._clear()
        print(f"note: {video}: {note}", file=sys.stderr)

    def _clear(self) -> None:
        """A terminal's line of progress makes room."""
        if self.progress.terminal:
            print(f"\r{'':<79}\r", end="", file=sys.stderr, flush=True)
