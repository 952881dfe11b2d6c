"""Where the next candidate comes from: STRATEGIES by name, and what a strategy from outside derives from."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from search.strategies.registry import STRATEGIES as STRATEGIES
    from search.strategies.strategy import Proposal as Proposal
    from search.strategies.strategy import SpaceUsedUp as SpaceUsedUp
    from search.strategies.strategy import Strategy as Strategy
    from search.strategies.strategy import Task as Task

MODULES = {
    "STRATEGIES": "search.strategies.registry",
    "Strategy": "search.strategies.strategy",
    "Proposal": "search.strategies.strategy",
    "Task": "search.strategies.strategy",
    "SpaceUsedUp": "search.strategies.strategy",
}
__getattr__, __dir__ = face(__name__, MODULES)
