"""How far a training is, on standard error: in place on a terminal, else a line every ten seconds."""

from __future__ import annotations

import sys
import time

from movinet.training.measurement import Measurement


class Progress:
    """Tells clips prepared, steps and epochs, with the time left at the speed of this process so far."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.began = self.shown = time.monotonic()
        self.first: int | None = None
        self.stepped = False

    def begin(self, done: int) -> None:
        """The first step is about to be done; `done`: steps that other processes did."""
        self.began, self.first = time.monotonic(), done

    def data(self, what: str, done: int, total: int) -> None:
        """Clips that are prepared."""
        if self.first is None:
            self.begin(done - 1)
        self._count(f"{what} {done}/{total}", done, total, done == total)
        if done == total:
            self.first = None

    def step(self, done: int, total: int, steps_per_epoch: int) -> None:
        """`done` of `total` steps are done."""
        if not self.stepped:  # the graph was built in it, so its time tells nothing
            self.begin(done)
            self.stepped = True
            return
        epoch, step = divmod(done - 1, steps_per_epoch)
        text = f"epoch {epoch + 1}/{total // steps_per_epoch}, step {step + 1}/{steps_per_epoch}"
        self._count(text, done, total, False)

    def epoch(self, measured: Measurement, epochs: int, best: bool) -> None:
        """An epoch's numbers, a line of their own."""
        text = (
            f"epoch {measured.epoch}/{epochs}: loss {measured.loss:.3f}, accuracy {measured.accuracy:.1%}; "
            f"validation loss {measured.val_loss:.3f}, top-1 {measured.val_accuracy:.1%}, top-5 {measured.val_top5:.1%}"
        )
        if measured.val_map is not None:
            text += f", mAP {measured.val_map:.1%}"
        waited = measured.data_seconds / max(measured.train_seconds, 1e-9)
        text += f"; {clock(measured.train_seconds)}, {waited:.0%} waiting for clips"
        self.note(text + (" (best)" if best else ""))

    def note(self, text: str) -> None:
        """A line that stays."""
        print(f"\r{text:<79}" if self.terminal else text, file=sys.stderr, flush=True)

    def _count(self, text: str, done: int, total: int, last: bool) -> None:
        now = time.monotonic()
        if not last and now - self.shown < (0.2 if self.terminal else 10):
            return
        self.shown = now
        left = (now - self.began) / max(done - (self.first or 0), 1) * (total - done)
        text = f"{text}, {clock(left)} left"
        end = "\n" if last or not self.terminal else ""
        print(f"\r{text:<79}" if self.terminal else text, end=end, file=sys.stderr, flush=True)


class Silence(Progress):
    """Tells nothing: of several workers one speaks."""

    def note(self, text: str) -> None:
        pass

    def _count(self, text: str, done: int, total: int, last: bool) -> None:
        pass


def clock(seconds: float) -> str:
    """45 s, 12 min 5 s, 3 h 20 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
