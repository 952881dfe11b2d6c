"""Files of weights, read and written without running them: whose names, which tensors, into our networks and back."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from movinet.weights.load import LoadReport as LoadReport
    from movinet.weights.load import load_checkpoint as load_checkpoint
    from movinet.weights.model_garden_names import official_names as official_names
    from movinet.weights.save import save_checkpoint as save_checkpoint
    from movinet.weights.save import save_state_dict as save_state_dict
    from movinet.weights.tensors import CheckpointError as CheckpointError

MODULES = {
    "load_checkpoint": "movinet.weights.load",
    "LoadReport": "movinet.weights.load",
    "save_checkpoint": "movinet.weights.save",
    "save_state_dict": "movinet.weights.save",
    "official_names": "movinet.weights.model_garden_names",
    "CheckpointError": "movinet.weights.tensors",
}
__getattr__, __dir__ = face(__name__, MODULES)
