"""When a trial ends early: EARLY_STOPPINGS by name, and what one from outside derives from."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from search.early_stopping.registry import EARLY_STOPPINGS as EARLY_STOPPINGS
    from search.early_stopping.stopping import Curve as Curve
    from search.early_stopping.stopping import EarlyStopping as EarlyStopping

MODULES = {
    "EARLY_STOPPINGS": "search.early_stopping.registry",
    "Curve": "search.early_stopping.stopping",
    "EarlyStopping": "search.early_stopping.stopping",
}
__getattr__, __dir__ = face(__name__, MODULES)
