"""The original's classes and argument names, as TensorFlow Model Garden has them."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from movinet.model_garden.classes import Movinet as Movinet
    from movinet.model_garden.classes import MovinetClassifier as MovinetClassifier

MODULES = {
    "Movinet": "movinet.model_garden.classes",
    "MovinetClassifier": "movinet.model_garden.classes",
}
__getattr__, __dir__ = face(__name__, MODULES)
