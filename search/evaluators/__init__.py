"""What a candidate is worth: EVALUATORS by name, and what an evaluator from outside derives from."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from search.evaluators.evaluator import Evaluator as Evaluator
    from search.evaluators.evaluator import Given as Given
    from search.evaluators.evaluator import Prepared as Prepared
    from search.evaluators.registry import EVALUATORS as EVALUATORS

MODULES = {
    "EVALUATORS": "search.evaluators.registry",
    "Evaluator": "search.evaluators.evaluator",
    "Given": "search.evaluators.evaluator",
    "Prepared": "search.evaluators.evaluator",
}
__getattr__, __dir__ = face(__name__, MODULES)
