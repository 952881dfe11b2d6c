"""One YAML file into one frozen experiment: which network, on which clips, trained and measured how.

Nothing here loads TensorFlow, so a misspelt key is refused in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from movinet.config.file import first_difference, flat, placed, plain, read_config, to_yaml
from movinet.config.kinds import EXPERIMENT
from movinet.config.typed import ConfigError, build, meant, require, show
from movinet.data.prepare import DataSettings
from movinet.presets import PRESETS
from movinet.spec import ClipSpec, MovinetSpec, SpecError, read_spec, spec_from_dict
from movinet.training.settings import TrainSettings

INDIFFERENT = (
    "run.",
    "evaluation.",
    "data.folder",
    "data.max_gib",
)  # may change from one start of a training to the next


@dataclass(frozen=True)
class ClipSettings:
    """Changes to the clip that a network is made for; null leaves what it has."""

    frames: int | None = None
    resolution: int | None = None
    frames_per_second: float | None = None

    def of(self, clip: ClipSpec) -> ClipSpec:
        """`clip` with these changes. Raises SpecError."""
        return replace(clip, **{name: value for name, value in plain(self).items() if value is not None})


@dataclass(frozen=True)
class EvaluationSettings:
    """How the trained network is measured. A video's prediction is the mean over `clips` x `crops` views of it.

    crop_share: of the frame's shorter side that a crop takes (published: clip size / min_image_size, about 0.9).
    worst: how many of the worst predicted clips are shown.  streaming: accuracy frame by frame, of causal networks.
    """

    split: Literal["val", "test"] = "val"
    clips: int = 1
    crops: Literal[1, 3] = 1
    crop_share: float = 1.0
    batch_size: int = 8
    worst: int = 16
    streaming: bool = True

    def __post_init__(self):
        for name, low in {"clips": 1, "batch_size": 1, "worst": 0}.items():
            require(getattr(self, name) >= low, self, name, f"an integer >= {low}")
        require(0 < self.crop_share <= 1, self, "crop_share", "a number > 0 and <= 1")


@dataclass(frozen=True)
class RunSettings:
    """How the work is done; what comes out does not depend on it, except on a loss that is no number.

    checkpoint_steps: so many steps between checkpoints within an epoch; there is one at each epoch's end, too.
    patience: epochs without a better one after which training stops, null for never.
    on_divergence: stop, or go back to the last checkpoint and on with half the learning rate, five times at most.
    ahead: batches made while the network trains on one, each on a thread.  threads: of one operation, null for all.
    deterministic: bit-equal results for equal seeds, slower on a GPU.
    workers: processes that train together, a device and a share of each batch each; batch norm and mixing then work
    within a share, so that results differ a little.  address: the Ray cluster for them ("auto", "host:port"), null for
    this machine.
    """

    checkpoint_steps: int = 500
    patience: int | None = None
    on_divergence: Literal["stop", "roll_back"] = "roll_back"
    ahead: int = 1
    threads: int | None = None
    deterministic: bool = True
    workers: int = 1
    address: str | None = None

    def __post_init__(self):
        require(self.workers >= 1, self, "workers", "an integer >= 1")
        require(self.checkpoint_steps >= 1, self, "checkpoint_steps", "an integer >= 1")
        require(self.ahead >= 0, self, "ahead", "an integer >= 0")
        for name in ("patience", "threads"):
            value = getattr(self, name)
            require(value is None or value >= 1, self, name, "an integer >= 1, or null")


@dataclass(frozen=True)
class Experiment:
    """A whole training.

    network: a published name (a0-base), a model folder or a spec.yaml, or a spec itself.  weights: what to begin with,
    a published checkpoint or a model folder; null for random ones.  head: whether its classifier is kept or made new.
    clip: what the network sees; train_clip: in training, where that differs.
    """

    network: str | dict = "a0-base"
    weights: str | None = None
    head: Literal["new", "keep"] = "new"
    clip: ClipSettings = field(default_factory=ClipSettings)
    train_clip: ClipSettings = field(default_factory=ClipSettings)
    data: DataSettings = field(default_factory=DataSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self):
        spec = self.spec()  # so that a wrong network is refused before anything starts
        clip = spec.clip
        self.train.require_stage(len(spec.blocks))
        if self.train.batch_size % self.run.workers:
            allowed = f"a divisor of train.batch_size={self.train.batch_size}"
            raise ConfigError(f"run.workers={self.run.workers} is not allowed; allowed: {allowed}")
        for name, base in {"clip": clip, "train_clip": clip}.items():
            try:
                getattr(self, name).of(base)
            except SpecError as error:
                raise ConfigError(f"{name}.{str(error).removeprefix('ClipSpec.')}") from error

    def spec(self) -> MovinetSpec:
        """The network, made for `clip`. Raises ConfigError."""
        try:
            spec = self._network()
        except SpecError as error:
            raise ConfigError(f"network: {error}") from error
        try:
            return replace(spec, clip=self.clip.of(spec.clip))
        except SpecError as error:
            raise ConfigError(f"clip.{str(error).removeprefix('ClipSpec.')}") from error

    def clips(self) -> tuple[ClipSpec, ClipSpec]:
        """What the network sees when it is measured, and in training."""
        clip = self.spec().clip
        return clip, self.train_clip.of(clip)

    def _network(self) -> MovinetSpec:
        if isinstance(self.network, Mapping):
            return spec_from_dict(dict(self.network))
        if self.network in PRESETS:
            return PRESETS[self.network]
        path = Path(self.network)
        path = path / "spec.yaml" if path.is_dir() else path
        if not path.is_file():
            names = ", ".join(PRESETS)
            allowed = f"{meant(self.network, PRESETS)}allowed: a model folder, a spec.yaml, a spec, {names}"
            raise ConfigError(f"network={show(self.network)} is not allowed; {allowed}")
        return read_spec(path)


def load_experiment(path: str | Path, overrides: Iterable[str] = ()) -> tuple[Experiment, dict[str, str]]:
    """The experiment of a config file with its bases, `key=value` overrides on top; and each given key's origin.

    Raises ConfigError, one line with the origin, key, value and what is allowed.
    """
    data, origins = read_config(path, overrides, [f.name for f in fields(Experiment)], (EXPERIMENT,))
    try:
        return _self_contained(build(Experiment, data)), origins
    except ConfigError as error:
        raise ConfigError(placed(error, path, origins)) from error


def _self_contained(experiment: Experiment) -> Experiment:
    """With the spec itself where a folder or file was named, which may change or go."""
    if not isinstance(experiment.network, str) or experiment.network in PRESETS:
        return experiment
    return replace(experiment, network=experiment._network().to_dict())


def experiment_to_yaml(experiment: Experiment) -> str:
    """A config file that loads back to an equal experiment."""
    return to_yaml(plain(experiment))


def difference(old: Experiment, new: Experiment) -> tuple[str, Any, Any] | None:
    """The first setting that decides what comes out and differs, with both values; None if there is none."""
    kept = [
        {key: value for key, value in flat(plain(each)).items() if not key.startswith(INDIFFERENT)}
        for each in (old, new)
    ]
    return first_difference(*kept)
