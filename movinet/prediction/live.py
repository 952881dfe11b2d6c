"""Frames of a live source, decoded beside the network that looks at them: the newest count, and older ones go."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Self

from movinet.data.video.file import VideoError, VideoFile
from movinet.data.video.frames import Shown, shown_frames
from movinet.data.video.image_sequence import ImageSequence
from movinet.prediction.video import LiveVideo, open_video

BEHIND_SECONDS = 1.0  # of video that may wait for the network
KEPT_BYTES = 128 * 2**20  # of frames that may wait
PACED = 0.2  # seconds that a second of video lets its reader wait, where it comes as it is seen
LONGEST_PAUSE = 15.0  # seconds between two tries to connect again
JUDGED_SECONDS = 3.0  # after which it is told what the network keeps up with


def frames_of(source: str, note: Callable[[str], None], reconnect: bool = False) -> Frames:
    """The frames of a source, to be used in a `with` block. Raises VideoError."""
    video = open_video(source)
    if isinstance(video, LiveVideo) and video.is_endless:
        return LiveFrames(video, note, reconnect)
    return Frames(video)


class Frames:
    """The frames of a video that waits for the network, one at a time; it is closed when the `with` block ends.

    came, dropped: how many frames so far.  at_once: as of `Following`.
    """

    at_once: int | None = None
    came = dropped = 0

    def __init__(self, video: VideoFile | ImageSequence):
        self.video = video

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.video.__exit__()

    def __iter__(self) -> Iterator[Shown]:
        """Raises VideoError where nothing decodes."""
        return shown_frames(self.video)

    def keeps_up(self, taken: int) -> float | None:
        """Frames a second of which the network, which has taken so many, keeps up; told once, if frames are dropped."""
        del taken


class LiveFrames(Frames):
    """The frames of a live source; of those that wait too long the oldest are dropped.

    What a pipe brings faster than it is shown was no camera's: it is made to wait, and nothing is dropped.
    note: is told when a stream breaks off and, with `reconnect`, is opened anew, until it is there again; its times go
    on by the clock.
    """

    video: LiveVideo
    at_once = 1

    def __init__(self, video: LiveVideo, note: Callable[[str], None], reconnect: bool = False):
        super().__init__(video)
        self._note, self._reconnect = note, reconnect
        self._drops = None if video.is_pipe else True
        self._paced: deque[tuple[float, float]] = deque()  # until when a frame is shown, and the waits up to it
        self._waiting: deque[Shown] = deque()
        self._changed, self._left = threading.Condition(), threading.Event()
        self._ended = self._told = False
        self._error: Exception | None = None
        self._judged = 0.0, 0, 0  # when, frames taken by then, and dropped
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._left.set()
            self._changed.notify_all()
        self._reader.join(1)
        self._close()

    def __iter__(self) -> Iterator[Shown]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    break
                shown = self._waiting.popleft()
                self._changed.notify_all()
            yield shown
        if self._error:
            raise self._error

    def keeps_up(self, taken: int) -> float | None:
        if self._told or not taken:
            return None
        now, (began, before, dropped) = time.monotonic(), self._judged
        if not before:  # the first frame, which builds the graph, does not count
            self._judged = now, taken, self.dropped
        elif now - began >= JUDGED_SECONDS:
            self._judged, self._told = (now, taken, self.dropped), self.dropped > dropped
        return (taken - before) / (now - began) if self._told else None

    def _read(self) -> None:
        try:
            for shown in self._shown():
                if self._left.is_set():
                    break
                self._put(shown)
        except Exception as error:  # it is the other thread's
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self._close()

    def _close(self) -> None:
        """When both are done with the video; a reader that still waits for a frame closes it when one comes."""
        with self._changed:
            if self._ended and self._left.is_set():
                self.video.container.close()

    def _put(self, shown: Shown) -> None:
        with self._changed:
            if self._drops is None:
                self._judge(shown)
            if self._drops is False:
                self._changed.wait_for(lambda: not self._too_many(shown) or self._left.is_set())
            self.came += 1
            self._waiting.append(shown)
            while self._drops and self._too_many(shown):
                self._waiting.popleft()
                self.dropped += 1
            self._changed.notify_all()

    def _too_many(self, newest: Shown) -> bool:
        size = len(self._waiting) * 2 * newest.frame.width * newest.frame.height
        return len(self._waiting) > 1 and (newest.until - self._waiting[0].time > BEHIND_SECONDS or size > KEPT_BYTES)

    def _judge(self, shown: Shown) -> None:
        """What lets its reader wait for frames comes as it is seen; where too many frames do not, it is a file."""
        self._paced.append((shown.until, self.video.waited))
        while shown.until - self._paced[0][0] > 1:
            until, waited = self._paced.popleft()
            if self.video.waited - waited > PACED * (shown.until - until):
                self._drops = True
        if self._drops is None and len(self._waiting) * 2 * shown.frame.width * shown.frame.height > KEPT_BYTES:
            self._drops = False

    def _shown(self) -> Iterator[Shown]:
        """The frames of connection after connection."""
        until = offset = 0.0
        while True:
            try:
                for shown in shown_frames(self.video):
                    until = shown.until + offset
                    yield replace(shown, time=shown.time + offset, until=until, last=shown.last and not self._reconnect)
            except VideoError:
                if not (self._reconnect and self.came):
                    raise
            if not self._reconnect or self._left.is_set():
                return
            broke = time.monotonic()
            self._note(f"broke off ({self.video.lost or 'it ended'}); connecting again")
            if not self._connect():
                return
            offset = until + time.monotonic() - broke

    def _connect(self) -> bool:
        """Opens the source anew, after pauses that grow; False where nobody wants it any more."""
        pause = 0.5
        while not self._left.wait(pause):
            try:
                self.video.container.close()
                self.video = self.video.reopened()
                return True
            except VideoError:
                pause = min(2 * pause, LONGEST_PAUSE)
        return False
