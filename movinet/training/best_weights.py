"""The weights of the best epoch so far, kept beside a training that goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from movinet.machine.files import whole

if TYPE_CHECKING:
    from movinet.training.training import Training

FILE = "best.npz"


class BestWeights:
    """Those that `training.evaluate` measured when `keep` was called last, averaged ones if there are."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []

    def keep(self, training: Training) -> None:
        """Takes the network's weights as they are now."""
        with training.optimizer.averaged():
            self.arrays = [weight.numpy().copy() for weight in training.model.weights]

    def give(self, training: Training) -> None:
        """The network has them from now on, and no epoch follows."""
        for weight, array in zip(training.model.weights, self.arrays, strict=True):
            weight.assign(array)
        training.optimizer.settle()

    def save(self, folder: Path) -> None:
        """Writes them to `folder`/best.npz, whole or not at all."""
        with whole(folder / FILE) as draft, draft.open("wb") as file:
            np.savez(file, *self.arrays)

    def load(self, folder: Path) -> None:
        """Reads what `save` wrote."""
        with np.load(folder / FILE, allow_pickle=False) as file:
            self.arrays = [file[name] for name in file.files]
