"""Compound scaling (arXiv:2103.11511, 3.1): a network, a space or a family, larger or smaller in every way at once."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from space.scaling.coefficients import Coefficients as Coefficients
    from space.scaling.coefficients import Limits as Limits
    from space.scaling.compound import scale as scale
    from space.scaling.compound import scale_space as scale_space
    from space.scaling.members import MEMBERS as MEMBERS
    from space.scaling.members import family as family

MODULES = {
    "scale": "space.scaling.compound",
    "scale_space": "space.scaling.compound",
    "family": "space.scaling.members",
    "MEMBERS": "space.scaling.members",
    "Coefficients": "space.scaling.coefficients",
    "Limits": "space.scaling.coefficients",
}
__getattr__, __dir__ = face(__name__, MODULES)
