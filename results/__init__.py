"""What came out of a search: records, fronts, plots, families."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from results.pareto import hypervolume as hypervolume
    from results.plots import write_front as write_front
    from results.record import TrialRecord as TrialRecord
    from results.store import load_records as load_records
    from results.store import read_trials as read_trials

MODULES = {
    "read_trials": "results.store",
    "load_records": "results.store",
    "TrialRecord": "results.record",
    "hypervolume": "results.pareto",
    "write_front": "results.plots",
}
__getattr__, __dir__ = face(__name__, MODULES)
