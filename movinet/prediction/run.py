"""`predict` at work: one clip of each video, or one video followed to its end; what it says goes to standard output."""

from __future__ import annotations

import errno
import math
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from queue import Queue
from threading import Lock, Thread
from typing import TYPE_CHECKING

import numpy as np

from movinet.config.errors import InputError
from movinet.data.centre import centre_clip
from movinet.data.video.file import VideoError
from movinet.machine.progress import Progress
from movinet.models.answers import class_probabilities, likeliest
from movinet.models.model import Model
from movinet.prediction.curves import Curves
from movinet.prediction.follow import Answer, Following
from movinet.prediction.live import frames_of
from movinet.prediction.overlay import Overlay
from movinet.prediction.report import ReportLine
from movinet.prediction.video import LiveVideo, is_live, misfit, open_video

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
    of a stream, a quarter of a clip); reconnect: a live source that breaks off is opened anew."""

    models: list[Model]
    show: Show
    pool: Pool
    streaming: bool = False
    every: int | None = None
    reconnect: bool = False

    @cached_property
    def _turn(self) -> Lock:
        """Of live sources side by side one at a time is looked at."""
        return Lock()

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
            note = partial(self._note, source)
            frames = stack.enter_context(frames_of(source, note, self.reconnect))
            video = frames.video
            over = overlay and stack.enter_context(Overlay(overlay))
            labels, title = self.models[0].labels, Path(source).name
            drawn = plot and stack.enter_context(Curves(plot, labels, self.show.top, title))
            stack.callback(self.progress.clear)
            if (text := misfit(video, self.models, self.streaming)) and not quiet:
                note(text)
            step = 1 if self.streaming and (drawn or over) else self._every  # a drawing shows what each frame changes
            following = Following(self.models, step, self.pool, self.streaming, frames.at_once)
            for shown in frames:
                with self._turn:
                    answers = following.see(shown)
                for answer in answers:
                    if drawn:
                        drawn.add(answer.seconds, self._probabilities(answer.logits), shown)
                    if not quiet and (answer.frames % self._every == 0 or shown.last):
                        self._answer(source, answer, frames.dropped)
                if over:
                    over.add(shown, self._likeliest(answers[-1].logits) if answers else None)
                if rate := frames.keeps_up(following.taken):
                    note(f"the network is slower than the stream and drops frames; it keeps up with --fps {rate:.2g}")
                if video.seconds and not self.show.named and (quiet or not sys.stdout.isatty()):
                    whole = math.ceil(video.seconds)
                    self.progress.count("seconds", min(int(shown.until), whole - 1), whole)
            if frames.dropped:
                note(f"{frames.dropped} of {frames.came} frames were dropped")
            if isinstance(frames.video, LiveVideo) and frames.video.lost:
                raise OSError(errno.ECONNABORTED, f"the stream broke off ({frames.video.lost})", source)
            if frames.video.damage:
                note(f"damaged: {frames.video.damage}")

    def several(self, sources: list[str]) -> int:
        """A line for each video, then live sources side by side, until all have ended. 1 if none could be read."""
        live = [source for source in sources if is_live(source)]
        broken = self._in_turn([source for source in sources if source not in live])
        ends: Queue[Exception | None] = Queue()
        for source in live:
            Thread(target=lambda source=source: ends.put(self._to_its_end(source)), daemon=True).start()
        for _ in live:
            error = ends.get()
            if error and not isinstance(error, InputError):
                raise error
            broken += error is not None
        return int(broken == len(sources))

    def _to_its_end(self, source: str) -> Exception | None:
        """Follows a live source; what ended it."""
        try:
            self.follow(source)
        except VideoError as error:
            self._tell(ReportLine(source, error=error.reason))
            return error
        except Exception as error:  # the other thread's to raise
            if not isinstance(error, OSError) or error.errno != errno.ECONNABORTED:
                return error
            self._tell(ReportLine(source, error=error.strerror))
        return None

    def _in_turn(self, videos: list[str]) -> int:
        """A line for each video; one that cannot be read is a line with its reason. Returns how many could not."""
        broken = 0
        for done, video in enumerate(videos, 1):
            try:
                self.follow(video) if self.streaming else self.clip(video)
            except VideoError as error:
                broken += 1
                self._tell(ReportLine(video, error=error.reason))
            self.progress.count("videos", done, len(videos))
        return broken

    @cached_property
    def _every(self) -> int:
        clip = self.models[0].clip
        return self.every or max(1, round(clip.frames_per_second) if self.streaming else clip.frames // 4)

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return class_probabilities(logits, self.models[0].multi_label)

    def _likeliest(self, logits: np.ndarray) -> list[tuple[str, float]]:
        return likeliest(self._probabilities(logits), self.models[0].labels, self.show.top, self.show.threshold)

    def _answer(self, source: str, answer: Answer, dropped: int) -> None:
        classes, seconds = self._likeliest(answer.logits), answer.seconds
        self._tell(ReportLine(source, classes, seconds=seconds, frame=answer.frames, dropped=dropped))

    def _tell(self, report: ReportLine) -> None:
        self.progress.clear()
        if self.show.json:
            print(report.as_json(), flush=True)
            return
        for note in report.notes:
            self._note(report.video, note)
        table = not self.show.named and report.seconds is None
        print(report.as_table() if table else report.as_line(self.show.named), flush=True)

    def _note(self, video: str, note: str) -> None:
        self.progress.clear()
        print(f"note: {video}: {note}", file=sys.stderr)
