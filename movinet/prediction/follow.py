"""Frames for `predict`: of files, folders of pictures, cameras and network streams, one at a time as they are shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movinet.data.centre import centre_square
from movinet.data.video.file import TOLERANCE_SECONDS, VideoFile
from movinet.data.video.frames import Converter, Shown, shown_frames
from movinet.data.video.image_sequence import ImageSequence
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

    streaming: frame by frame; else by the last clip.  No more frames than a clip's wait to be pushed, however long a
    step is.
    """

    def __init__(self, model: Model, step: int, pool: Pool, streaming: bool):
        self._clip, self._step = model.clip, step
        self._push = model.stream(pool) if streaming and model.stream else windows(model)
        self._convert = Converter(2 * model.clip.resolution)
        self._waiting: list[np.ndarray] = []
        self._taken = 0
        self.newest: Answer | None = None

    def see(self, shown: Shown) -> Iterator[Answer]:
        """The answers after the frames that are taken of this one; after the video's last, of what is left too."""
        image = None
        while self._moment < shown.until - TOLERANCE_SECONDS:
            image = self._convert(shown.frame) if image is None else image
            self._waiting.append(image)
            self._taken += 1
            due = self._taken % self._step == 0
            if due or len(self._waiting) == self._clip.frames:
                answer = self._answer()
                if due:
                    yield answer
        if shown.last and self._taken % self._step:
            answer = self._answer() if self._waiting else self.newest
            assert answer is not None
            yield answer

    @property
    def _moment(self) -> float:
        return self._taken / self._clip.frames_per_second

    def _answer(self) -> Answer:
        logits = self._push(centre_square(np.stack(self._waiting), self._clip.resolution))
        self._waiting.clear()
        self.newest = Answer((self._taken - 1) / self._clip.frames_per_second, self._taken, logits)
        return self.newest


def follow(
    video: VideoFile | ImageSequence, models: Sequence[Model], step: int, pool: Pool, streaming: bool
) -> Iterator[tuple[Shown, list[Answer]]]:
    """Each frame of a video with the answers it brings: the mean of the models' newest logits, when the first answers.

    One frame is decoded at a time, so that memory does not grow. Raises VideoError.
    """
    first, *others = [Follower(model, step, pool, streaming) for model in models]
    for shown in shown_frames(video):
        for other in others:
            for _ in other.see(shown):
                pass
        answers = []
        for answer in first.see(shown):
            newest = [answer.logits, *(other.newest.logits for other in others if other.newest)]
            answers.append(Answer(answer.seconds, answer.frames, np.mean(newest, axis=0)))
        yield shown, answers
