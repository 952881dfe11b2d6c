"""A candidate evaluated by looking it up: recorded trainings answer at once, so that a live search can be rehearsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from movinet.config.errors import InputError
from movinet.config.typed import require
from movinet.cost import network_cost
from movinet.spec import MovinetSpec
from movinet.training.measurement import Measurement
from results.table import read_table
from search.evaluators.evaluator import Evaluator, Given, Prepared
from space.load import load_space

if TYPE_CHECKING:
    from search.evaluators.recorded import Recorded


@dataclass(frozen=True)
class ReplayedSettings:
    """table: of recorded trainings (`results.table`).  space: the YAML file whose networks they are.

    classes: that they told apart.  clips: of the validation split, on which they were measured.
    """

    table: str = "benchmarks/search/moving_shapes.csv.gz"
    space: str = "configs/spaces/moving_shapes.yaml"
    classes: int = 12
    clips: int = 480

    def __post_init__(self):
        require(self.classes >= 2, self, "classes", "an integer >= 2")
        require(self.clips >= 1, self, "clips", "an integer >= 1")


class Replayed(Evaluator):
    """Answers by the table's own curve, or by the one that its surrogate finds likely (`search.evaluators.recorded`).

    Seconds of epochs are those of the recorded training. Losses, which a table has not, are the shares of wrong clips.
    """

    Settings = ReplayedSettings
    settings: ReplayedSettings

    @classmethod
    def prepare(cls, settings: ReplayedSettings, given: Given) -> Prepared:
        """Raises InputError where there is no such table, or its trainings are shorter than those asked for."""
        try:
            epochs = min(len(one.accuracies) for one in read_table(settings.table))
        except (OSError, ValueError, KeyError) as error:
            text = f"search.evaluator.table={settings.table} cannot be read ({error}); allowed: a recorded table"
            raise InputError(text) from error
        if given.train.epochs > epochs:
            text = f"train.epochs={given.train.epochs} is not allowed; allowed: up to {epochs}, as {settings.table} has"
            raise InputError(text)
        return Prepared(tuple(f"class {number}" for number in range(settings.classes)), {}, settings.clips)

    def __init__(self, settings: ReplayedSettings, config: Mapping[str, Any], epochs: int):
        super().__init__(settings, config, epochs)
        self.accuracies: tuple[float, ...] = ()
        self.epoch_seconds = 0.0

    @cached_property
    def recorded(self) -> Recorded:
        """Fitted once for all candidates of a worker."""
        from search.evaluators.recorded import Recorded

        return Recorded(read_table(self.settings.table), load_space(self.settings.space))

    def start(self, spec: MovinetSpec, seed: int) -> None:
        curve = self.recorded.curve(spec, network_cost(spec, num_classes=self.settings.classes))
        clips = self.settings.clips
        self.accuracies = tuple(round(accuracy * clips) / clips for accuracy in curve.accuracies)
        self.epoch_seconds = curve.epoch_seconds

    def measure(self) -> Measurement:
        epoch = len(self.measurements)
        accuracy = self.accuracies[epoch]
        return Measurement(epoch + 1, 1 - accuracy, accuracy, 1 - accuracy, accuracy, self.epoch_seconds, 0.0)
