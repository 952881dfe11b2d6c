"""How far a training is, on standard error."""

from __future__ import annotations

from movinet.machine.progress import Progress, clock
from movinet.training.measurement import Measurement


class TrainingProgress(Progress):
    """Tells steps and epochs, too, with the time left at the speed of this process so far."""

    def __init__(self) -> None:
        super().__init__()
        self.stepped = False

    def step(self, done: int, total: int, steps_per_epoch: int) -> None:
        """`done` of `total` steps are done."""
        if not self.stepped:  # the graph was built in it, so its time tells nothing
            self.countdown.begin(done)
            self.stepped = True
            return
        epoch, step = divmod(done - 1, steps_per_epoch)
        text = f"epoch {epoch + 1}/{total // steps_per_epoch}, step {step + 1}/{steps_per_epoch}"
        self._tell(text, done, total, is_last=False)

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


class Silence(TrainingProgress):
    """Tells nothing: of several workers one speaks."""

    def _write(self, text: str, end: str) -> None:
        pass
