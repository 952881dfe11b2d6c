"""What an epoch and a split measure, and the end of a training that diverged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class TrainingDiverged(ArithmeticError):
    """The loss is infinite or not a number; going on is useless. `reason` says where."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Measurement:
    """One epoch: mean loss and accuracy of the training batches as they came, then of the whole validation split.

    loss has label smoothing and val_loss has not.  epoch counts from 1.  val_top5: the right class is among the five
    likeliest.  val_map: mean average precision, where clips have several classes.  data_seconds: waiting for batches.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    train_seconds: float
    eval_seconds: float
    val_top5: float | None = None
    val_map: float | None = None
    data_seconds: float = 0.0


class Score(NamedTuple):
    """Means over the clips of a split; see Measurement."""

    loss: float
    accuracy: float
    top5: float
    map: float | None


def best_of(epochs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The best of epochs, each with a Measurement's fields: by mAP where there is one, else by top-1.

    Of equals the one of lower loss, then the earlier one.  All by the validation split.
    """
    return max(epochs, key=lambda epoch: (epoch["val_map"] or 0.0, epoch["val_accuracy"], -epoch["val_loss"]))
