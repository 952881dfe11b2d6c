"""MoViNets (Mobile Video Networks, arXiv:2103.11511) on Keras 3: described, counted, built, trained, run, exported.

A network as data     MovinetSpec, ClipSpec, read_spec; preset, PRESETS; network_cost, frame_cost
As a Keras model      build_movinet, embedding_model, fuse, freeze; the original's Movinet, MovinetClassifier
Frame by frame        Stream, stream_model, initial_states, Window, Exponential
Its weights           load_checkpoint, save_checkpoint, save_state_dict, official_names
Trained               load_model, predict, Ensemble, temporal_ensemble; Training, TrainSettings
For other runtimes    export_model

Each name loads its module when it is first asked for; `import movinet` loads the standard library alone.
"""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from movinet.cost import frame_cost as frame_cost
    from movinet.cost import network_cost as network_cost
    from movinet.deploy.fuse import fuse as fuse
    from movinet.export.run import export

    export_model = export
    from movinet.layers.pool import Exponential as Exponential
    from movinet.layers.pool import Window as Window
    from movinet.model import build_movinet as build_movinet
    from movinet.model import embedding_model as embedding_model
    from movinet.model_garden.classes import Movinet as Movinet
    from movinet.model_garden.classes import MovinetClassifier as MovinetClassifier
    from movinet.models.answers import predict as predict
    from movinet.models.ensemble import Ensemble as Ensemble
    from movinet.models.ensemble import temporal_ensemble as temporal_ensemble
    from movinet.models.load import load_model as load_model
    from movinet.presets import PRESETS as PRESETS
    from movinet.presets import preset as preset
    from movinet.spec import ClipSpec as ClipSpec
    from movinet.spec import MovinetSpec as MovinetSpec
    from movinet.spec import read_spec as read_spec
    from movinet.streaming import Stream as Stream
    from movinet.streaming import initial_states as initial_states
    from movinet.streaming import stream_model as stream_model
    from movinet.training.freeze import freeze as freeze
    from movinet.training.settings import TrainSettings as TrainSettings
    from movinet.training.training import Training as Training
    from movinet.weights.load import load_checkpoint as load_checkpoint
    from movinet.weights.model_garden_names import official_names as official_names
    from movinet.weights.save import save_checkpoint as save_checkpoint
    from movinet.weights.save import save_state_dict as save_state_dict

MODULES = {
    "MovinetSpec": "movinet.spec",
    "ClipSpec": "movinet.spec",
    "read_spec": "movinet.spec",
    "preset": "movinet.presets",
    "PRESETS": "movinet.presets",
    "network_cost": "movinet.cost",
    "frame_cost": "movinet.cost",
    "build_movinet": "movinet.model",
    "embedding_model": "movinet.model",
    "fuse": "movinet.deploy.fuse",
    "freeze": "movinet.training.freeze",
    "Stream": "movinet.streaming",
    "stream_model": "movinet.streaming",
    "initial_states": "movinet.streaming",
    "Window": "movinet.layers.pool",
    "Exponential": "movinet.layers.pool",
    "load_checkpoint": "movinet.weights.load",
    "save_checkpoint": "movinet.weights.save",
    "save_state_dict": "movinet.weights.save",
    "official_names": "movinet.weights.model_garden_names",
    "load_model": "movinet.models.load",
    "predict": "movinet.models.answers",
    "Ensemble": "movinet.models.ensemble",
    "temporal_ensemble": "movinet.models.ensemble",
    "Training": "movinet.training.training",
    "TrainSettings": "movinet.training.settings",
    "export_model": "movinet.export.run:export",
    "Movinet": "movinet.model_garden.classes",
    "MovinetClassifier": "movinet.model_garden.classes",
}
__getattr__, __dir__ = face(__name__, MODULES)
__version__ = "0.1.0"
