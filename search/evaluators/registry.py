"""The evaluators by the names that `search.evaluator` knows: a new one is a file beside this and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from movinet.config.choice import Choice, NoSettings
from search.evaluators.evaluator import Evaluator, Given, Prepared
from search.evaluators.replayed import Replayed, ReplayedSettings
from search.evaluators.trained import Trained

EVALUATORS: Mapping[str, tuple[type[Evaluator], type]] = {
    "trained": (Trained, NoSettings),
    "recorded": (Replayed, ReplayedSettings),
}


@dataclass(frozen=True)
class EvaluatorChoice(Choice):
    """`search.evaluator`: which, and its settings."""

    registry, base, default = EVALUATORS, Evaluator, "trained"

    def prepare(self, given: Given) -> Prepared:
        return self.kind.prepare(self.settings, given)

    def make(self, config: Mapping[str, Any], epochs: int) -> Evaluator:
        """The evaluator of a worker, with nothing begun yet."""
        return self.kind(self.settings, config, epochs)
