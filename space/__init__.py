"""Which networks may be tried: YAML -> Space -> Candidate -> MovinetSpec, within a budget."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from space.budget import Budget as Budget
    from space.load import load_budget as load_budget
    from space.load import load_space as load_space
    from space.membership import locate as locate
    from space.mutation import crossover as crossover
    from space.mutation import mutate as mutate
    from space.sampling import sample as sample
    from space.sampling import sample_within as sample_within
    from space.space import Candidate as Candidate
    from space.space import Space as Space

MODULES = {
    "Space": "space.space",
    "Candidate": "space.space",
    "Budget": "space.budget",
    "load_space": "space.load",
    "load_budget": "space.load",
    "sample": "space.sampling",
    "sample_within": "space.sampling",
    "mutate": "space.mutation",
    "crossover": "space.mutation",
    "locate": "space.membership",
}
__getattr__, __dir__ = face(__name__, MODULES)
