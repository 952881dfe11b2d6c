"""Trained networks, whatever holds or runs them: model folders, .keras and exported files, ensembles."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from movinet.models.ensemble import Ensemble as Ensemble
    from movinet.models.ensemble import TemporalStream as TemporalStream
    from movinet.models.ensemble import temporal_ensemble as temporal_ensemble
    from movinet.models.folder import read_member as read_member
    from movinet.models.load import load_model as load_model
    from movinet.models.model import Model as Model

MODULES = {
    "load_model": "movinet.models.load",
    "Model": "movinet.models.model",
    "read_member": "movinet.models.folder",
    "Ensemble": "movinet.models.ensemble",
    "temporal_ensemble": "movinet.models.ensemble",
    "TemporalStream": "movinet.models.ensemble",
}
__getattr__, __dir__ = face(__name__, MODULES)
