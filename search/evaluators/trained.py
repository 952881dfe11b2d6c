"""A candidate evaluated by training it: built, trained and measured epoch by epoch on the run's clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from movinet.config.choice import NoSettings
from movinet.config.file import plain
from movinet.config.typed import build
from movinet.data.cache import FrameCache
from movinet.data.prepare import DataSettings
from movinet.machine.devices import forget_custom_gradients, graphs_as_written, prepare_tensorflow
from movinet.spec import MovinetSpec
from movinet.training.best_weights import BestWeights
from movinet.training.classes import class_weights, classes_of
from movinet.training.measurement import Measurement, best_of
from movinet.training.new_model import new_model
from movinet.training.settings import TrainSettings
from movinet.training.training import Training
from search.evaluators.evaluator import Evaluator, Given, Prepared


class Trained(Evaluator):
    """config: data, with how the cache was decoded, so that it serves again; train; cache, the folder of its frames.

    keeps_best, where it is in the config: the weights of the best epoch are kept, and `turn_to_best` brings them back.
    """

    Settings = NoSettings
    spec: MovinetSpec
    train: TrainSettings
    training: Training

    def __init__(self, settings: NoSettings, config: Mapping[str, Any], epochs: int):
        super().__init__(settings, config, epochs)
        self.data = build(DataSettings, config["data"])
        self.best = BestWeights() if config.get("keeps_best") else None

    @classmethod
    def prepare(cls, settings: NoSettings, given: Given) -> Prepared:
        """Decodes the clips. Raises InputError where `train.class_weights` names a class that is not there."""
        cache = given.decode()
        class_weights(cache, given.train)
        read = {name: getattr(cache, name) for name in ("resolution", "frames_per_second", "seconds")}
        config = {
            "data": plain(replace(given.data, **read)),
            "train": asdict(given.train),
            "cache": str(cache.folder.resolve()),
        }
        return Prepared(classes_of(cache, given.train), config, len(cache.index("val")))

    @classmethod
    def start_worker(cls, threads: int, gpu: bool) -> None:
        prepare_tensorflow(threads, at_once=1 if threads == 1 else 2, gpu=gpu)

    def start(self, spec: MovinetSpec, seed: int) -> None:
        self.spec, self.train = spec, replace(build(TrainSettings, self.config["train"]), seed=seed)
        cache = FrameCache.open(self.config["cache"])
        model = new_model(spec, len(classes_of(cache, self.train)), self.train)
        self.training = Training(model, cache, spec.clip, self.train)

    def measure(self) -> Measurement:
        import tensorflow as tf

        with nullcontext() if tf.config.list_physical_devices("GPU") else graphs_as_written():
            measured = self.training.epoch()
        if self.best and best_epoch([*self.measurements, measured]) == measured.epoch:
            self.best.keep(self.training)
        return measured

    def turn_to_best(self) -> None:
        """After the last epoch: the network has the weights of the best one from now on."""
        if self.best and best_epoch(self.measurements) != self.measurements[-1].epoch:
            self.best.give(self.training)

    def save_state(self, folder: Path) -> None:
        """Weights, optimizer and random states."""
        self.training.save(folder)
        if self.best:
            self.best.save(folder)

    def load_state(self, folder: Path) -> None:
        self.training.load(folder)
        if self.best:
            self.best.load(folder)

    def end(self) -> None:
        """Frees Keras' global state, and the graphs that TensorFlow would keep for good.

        Without this a worker grew by 20 to 40 MB a trial.
        """
        import keras

        vars(self).pop("training", None)
        forget_custom_gradients()
        keras.backend.clear_session()  # collects garbage, too


def best_epoch(measurements: Sequence[Measurement]) -> int:
    """Its number, from 1."""
    return best_of([asdict(each) for each in measurements])["epoch"]
