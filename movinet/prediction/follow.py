"""Frames for `predict`: of files, folders of pictures, cameras and network streams, one at a time as they are shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movinet.data.centre import centre_square
from movinet.data.video.file import TOLERANCE_SECONDS
from movinet.data.video.frames import Converter, Shown
from movinet.models.model import Logits, Model

if TYPE_CHECKING:
    from movinet.layers.pool import Pool


def windows(model: Model) -> Logits:
    """Follows a video with a network of whole clips: each answer is that of the last clip, repeated while shorter."""
    seen: deque[np.ndarray] = deque(maxlen=model.clip.frames)

    def push(frames: np.ndarray) -> np.ndarray:
        seen.extend(frames)
        places = np.arange(model.clip.frames) % len(seen)
        return model.logits(np.stack([seen[place] for place in places]))

    return push


@dataclass(frozen=True)
class Answer:
    """What a model says after `frames` frames, the newest of which was on screen at `seconds`; logits (classes,)."""

    seconds: float
    frames: int
    logits: np.ndarray


class Follower:
    """One model on one video: takes from the frames those on screen at its moments, and answers every `step` frames.

    streaming: frame by frame; else by the last clip.  at_once: as of `Following`, of a stream.  Moments at which
    nothing was shown, since frames were dropped, are passed over.
    """

    def __init__(self, model: Model, step: int, pool: Pool, streaming: bool, at_once: int | None = None):
        self._clip, self._step = model.clip, step
        self._most = at_once if at_once and streaming else model.clip.frames
        self._push = model.stream(pool) if streaming and model.stream else windows(model)
        self._convert = Converter(2 * model.clip.resolution)
        self._waiting: list[np.ndarray] = []
        self.taken = self._passed = 0
        self.newest: Answer | None = None

    def see(self, shown: Shown) -> Iterator[Answer]:
        """The answers after the frames that are taken of this one; after the video's last, of what is left too."""
        image = None
        while self._moment < shown.time - TOLERANCE_SECONDS:
            self._passed += 1
        while self._moment < shown.until - TOLERANCE_SECONDS:
            image = self._convert(shown) if image is None else image
            self._waiting.append(image)
            self.taken += 1
            due = self.taken % self._step == 0
            if due or len(self._waiting) == self._most:
                answer = self._answer()
                if due:
                    yield answer
        if shown.last and self.taken % self._step and (answer := self._answer() if self._waiting else self.newest):
            yield answer

    @property
    def _moment(self) -> float:
        return (self.taken + self._passed) / self._clip.frames_per_second

    def _answer(self) -> Answer:
        logits = self._push(centre_square(np.stack(self._waiting), self._clip.resolution))
        self._waiting.clear()
        seconds = (self.taken + self._passed - 1) / self._clip.frames_per_second
        self.newest = Answer(seconds, self.taken, logits)
        return self.newest


class Following:
    """Models on one video: the answers are the mean of their newest logits, given when the first answers.

    step: frames between answers;  at_once: how many frames wait at most to be pushed together (None: a clip's), one
    where each should be seen as soon as it is there.
    """

    def __init__(self, models: Sequence[Model], step: int, pool: Pool, streaming: bool, at_once: int | None = None):
        self._first, *self._others = [Follower(model, step, pool, streaming, at_once) for model in models]

    @property
    def taken(self) -> int:
        """Frames that the first model has taken."""
        return self._first.taken

    def see(self, shown: Shown) -> list[Answer]:
        """The answers that a frame of the video brings."""
        for other in self._others:
            for _ in other.see(shown):
                pass
        answers = []
        for answer in self._first.see(shown):
            newest = [answer.logits, *(other.newest.logits for other in self._others if other.newest)]
            answers.append(Answer(answer.seconds, answer.frames, np.mean(newest, axis=0)))
        return answers
