"""One YAML file into one frozen tree of settings, and back: what a run does, every default written out.

Nothing here loads TensorFlow or Ray, so a misspelt key is refused in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from movinet.config import file as config_file
from movinet.config.choice import Choice
from movinet.config.errors import InputError
from movinet.config.file import flat, placed, plain, read_config, read_yaml, to_yaml
from movinet.config.kinds import SEARCH, SPACE
from movinet.config.typed import ConfigError, build, require, show
from movinet.data.prepare import DataSettings
from movinet.training.settings import TrainSettings
from search.earlier_settings import in_todays_words
from search.early_stopping.registry import EarlyStoppingChoice
from search.evaluators.registry import EvaluatorChoice
from search.limits import USUAL_TRIALS, Limits
from search.objectives.objective import Reward
from search.objectives.registry import allowed_objectives
from search.strategies.registry import StrategyChoice
from space.budget import Budget
from space.decision import SpaceError
from space.load import load_budget, load_space
from space.scaling.coefficients import Coefficients
from space.scaling.members import MEMBERS
from space.space import Space

# What adds to a run or steers it, so that it may change while records stand.
STEERING = ("search.trials", "search.hours", "search.epochs", "search.time_limit_s", "resources")


@dataclass(frozen=True)
class SearchSettings:
    """How many candidates are tried, how they are chosen, and when a trial ends early.

    trials, hours and epochs are limits of one search (`search.limits`).
    """

    strategy: StrategyChoice = field(default_factory=StrategyChoice.usual)
    trials: int | None = None  # null: as many as hours and epochs allow; 24 where they are null, too
    hours: float | None = None
    epochs: int | None = None
    seed: int = 0
    evaluator: EvaluatorChoice = field(default_factory=EvaluatorChoice.usual)
    objectives: tuple[str, ...] = ("accuracy", "flops")
    reward: Reward | None = None  # null: the front of the objectives
    early_stopping: EarlyStoppingChoice = field(default_factory=EarlyStoppingChoice.usual)
    time_limit_s: float | None = None  # per trial

    def __post_init__(self):
        if self.trials is None and self.hours is None and self.epochs is None:
            object.__setattr__(self, "trials", USUAL_TRIALS)
        allowed = allowed_objectives(self.objectives)
        require(allowed is None, self, "objectives", allowed or "")
        is_one = self.reward is None or len(self.costs) == 1
        require(is_one, self, "reward", "null where search.objectives has two costs")
        require(self.trials is None or self.trials >= 1, self, "trials", "an integer >= 1, or null")
        require(self.hours is None or self.hours > 0, self, "hours", "a number > 0, or null")
        require(self.epochs is None or self.epochs >= 1, self, "epochs", "an integer >= 1, or null")
        require(self.seed >= 0, self, "seed", "an integer >= 0")
        require(self.time_limit_s is None or self.time_limit_s > 0, self, "time_limit_s", "a number > 0, or null")

    @property
    def limits(self) -> Limits:
        """When the search is over."""
        return Limits(self.trials, self.hours, self.epochs)

    @property
    def costs(self) -> tuple[str, ...]:
        """The names of the objectives beside accuracy."""
        return tuple(name for name in self.objectives if name != "accuracy")

    @property
    def cost(self) -> str:
        """The first of them, which one number or one axis goes by."""
        return self.costs[0]


@dataclass(frozen=True)
class ResourceSettings:
    """How the machine is shared: each worker trains one candidate at a time."""

    workers: int | Literal["auto"] = "auto"  # auto: all cores, threads_per_worker each; one or more per GPU
    threads_per_worker: int = 1
    gpu_fraction: float | Literal["auto"] = "auto"  # of one GPU, per worker; auto: one worker per GPU

    def __post_init__(self):
        require(self.workers == "auto" or self.workers >= 1, self, "workers", "an integer >= 1, or auto")
        require(self.threads_per_worker >= 1, self, "threads_per_worker", "an integer >= 1")
        fraction = self.gpu_fraction
        require(fraction == "auto" or 0 <= fraction <= 1, self, "gpu_fraction", "a number, 0 to 1, or auto")


@dataclass(frozen=True)
class ScalingSettings:
    """How the best candidate becomes a family, and for how long its members are trained."""

    coefficients: Coefficients = field(default_factory=Coefficients)
    base_member: str = "A2"
    ratio: float = 2.0  # FLOPs of a member over those of the one before
    tolerance: float = 0.10
    epochs: int | None = None  # null: as in the search

    def __post_init__(self):
        require(self.base_member in MEMBERS, self, "base_member", ", ".join(MEMBERS))
        require(0 < self.tolerance < 0.3, self, "tolerance", "a number > 0 and < 0.3")
        apart = self.ratio * (1 - self.tolerance) > 1 + self.tolerance
        require(apart, self, "ratio", "a number so large that members do not overlap, such as 2")
        require(self.epochs is None or self.epochs >= 1, self, "epochs", "an integer >= 1, or null")


@dataclass(frozen=True)
class Settings:
    """A whole run. `space` and `budget` are the sections of a space file, as `space.load` reads them."""

    space: dict[str, Any]
    budget: dict[str, Any] | None = None
    data: DataSettings = field(default_factory=DataSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    resources: ResourceSettings = field(default_factory=ResourceSettings)
    scaling: ScalingSettings = field(default_factory=ScalingSettings)

    def __post_init__(self):
        self.train.require_stage(len(self.load_space().blocks))
        self._check_early_stopping()
        self.load_budget()

    def _check_early_stopping(self) -> None:
        stopping = self.search.early_stopping
        try:
            stopping.make(self.train.epochs)
        except InputError as error:
            what = str(error).removeprefix(f"{type(stopping.settings).__name__}.")
            raise ConfigError(f"search.early_stopping.{what}") from error

    def load_space(self) -> Space:
        """The networks that may be tried."""
        return load_space({"space": self.space})

    def load_budget(self) -> Budget:
        """What they may cost."""
        return (load_budget({"budget": self.budget}) if self.budget else None) or Budget()

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, every default written out."""
        return plain(self)


def load_settings(path: str | Path, overrides: Iterable[str] = ()) -> Settings:
    """The settings of a config file, with `key=value` overrides (dotted keys, YAML values) on top.

    `space:` may name a space file, relative to the config or to where we are; its budget counts unless the config has
    one. Raises ConfigError, one line with file, key, value and what is allowed.
    """
    return read_settings(path, overrides)[0]


def read_settings(
    path: str | Path, overrides: Iterable[str] = (), kinds: Sequence[str] = (SEARCH, SPACE)
) -> tuple[Settings, dict[str, str]]:
    """As `load_settings`; and where each given setting, by its dotted key, comes from (`config.file.origin_of`).

    kinds: of file (`movinet.config.kinds`) that are taken.
    """
    data, origins = read_config(path, overrides, [f.name for f in fields(Settings)], kinds)
    data, of_space = _with_space_file(data, Path(path), origins)
    given = set(flat(data))
    try:
        if "search" in data:
            data["search"] = in_todays_words(data["search"])
        settings = build(Settings, data)
    except (ConfigError, SpaceError) as error:
        raise ConfigError(placed(error, path, origins)) from error
    renamed = dict.fromkeys(flat(data).keys() - given, str(path))
    return settings, _of_choices(settings, origins | renamed | of_space)


def settings_to_yaml(settings: Settings) -> str:
    """A config file that loads back to equal settings."""
    return to_yaml(settings.to_dict())


def steered(path: str | Path, overrides: Iterable[str]) -> Settings:
    """The settings of a run's config with overrides that only add to it or steer it (`STEERING`).

    Raises ConfigError for any that would give what is on record another meaning.
    """
    old, new = load_settings(path), load_settings(path, overrides)
    for key, (recorded, wanted) in config_file.differences(old.to_dict(), new.to_dict()).items():
        if not is_steering(key):
            raise ConfigError(
                f"{path}: {key}={show(recorded)} is on record, and {show(wanted)} would give it another meaning; "
                f"allowed to change: {', '.join(STEERING)}"
            )
    return new


def is_steering(key: str) -> bool:
    """Whether a setting, by its dotted key, may change while records stand."""
    return any(f"{key}.".startswith(f"{allowed}.") for allowed in STEERING)


def first_difference(old: Settings, new: Settings) -> tuple[str, Any, Any] | None:
    """The first setting, by its dotted key, in which two runs differ, and both values; None if they are equal."""
    return config_file.first_difference(old.to_dict(), new.to_dict())


def _of_choices(settings: Settings, origins: dict[str, str]) -> dict[str, str]:
    """Where the name of what is chosen stands alone, only that is given; the settings beside it are defaults."""
    for name, choice in vars(settings.search).items():
        if isinstance(choice, Choice) and (origin := origins.pop(f"search.{name}", None)):
            origins.setdefault(f"search.{name}.{choice.key}", origin)
    return origins


def _with_space_file(
    data: dict[str, Any], config: Path, origins: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The data with the space itself where a file is named; and where what comes from that file does."""
    source = data.get("space")
    if not isinstance(source, str):
        return data, {}
    path = next((place for place in (config.parent / source, Path(source)) if place.is_file()), None)
    if path is None:
        text = f"space={source} is not allowed; allowed: a YAML file that exists, or the space itself"
        raise ConfigError(placed(text, config, origins))
    try:
        load_space(path)
    except SpaceError as error:  # it names the space's file
        raise ConfigError(str(error)) from error
    taken = {name: part for name, part in read_yaml(path).items() if name == "space" or name not in data}
    return {**data, **taken}, dict.fromkeys(taken, str(path))
