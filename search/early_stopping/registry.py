"""Early stopping by the kinds that `search.early_stopping` knows: a new one is a file beside this and a line here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from movinet.config.choice import Choice, NoSettings
from search.early_stopping.asha import OctaveAsha
from search.early_stopping.promote import Promote
from search.early_stopping.stopping import EarlyStopping, RungSettings
from search.early_stopping.top_k import TopK, TopKSettings

EARLY_STOPPINGS: Mapping[str, tuple[type[EarlyStopping], type]] = {
    "promote": (Promote, RungSettings),
    "top_k": (TopK, TopKSettings),
    "asha": (OctaveAsha, RungSettings),
    "none": (EarlyStopping, NoSettings),
}


@dataclass(frozen=True)
class EarlyStoppingChoice(Choice):
    """`search.early_stopping`: which kind, and its settings."""

    registry, base, default, key = EARLY_STOPPINGS, EarlyStopping, "asha", "kind"

    def make(self, epochs: int, costs: Sequence[str] = ("flops",)) -> EarlyStopping:
        """For trials of so many epochs. Raises InputError where the settings do not fit them."""
        return self.kind(self.settings, epochs, costs)
