"""What makes one network better than another: OBJECTIVES by name."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from search.objectives.registry import OBJECTIVES as OBJECTIVES
    from search.objectives.registry import Objective as Objective

MODULES = {
    "OBJECTIVES": "search.objectives.registry",
    "Objective": "search.objectives.registry",
}
__getattr__, __dir__ = face(__name__, MODULES)
