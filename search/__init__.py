"""How networks are tried: settings, strategies, objectives, evaluators, Ray, and the records they leave."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from search.run import run_search as run_search
    from search.run import train_family as train_family
    from search.settings import Settings as Settings
    from search.settings import load_settings as load_settings
    from search.strategies.strategy import Proposal as Proposal
    from search.strategies.strategy import Strategy as Strategy
    from search.strategies.strategy import Task as Task
    from search.view.listener import Listener as Listener

MODULES = {
    "run_search": "search.run",
    "train_family": "search.run",
    "load_settings": "search.settings",
    "Settings": "search.settings",
    "Strategy": "search.strategies.strategy",
    "Proposal": "search.strategies.strategy",
    "Task": "search.strategies.strategy",
    "Listener": "search.view.listener",
}
__getattr__, __dir__ = face(__name__, MODULES)
