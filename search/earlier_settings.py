"""The section `search:` as older configs and runs have it, in today's words.

Until version 2 of the records the settings of all strategies and objectives lay flat in it, whatever they were used by:
`objective: reward, target_mflops: 2, beta: -0.1`, `strategy: evolution, population: 12, tournament: 4`.  Later
`reward: {target_mflops: 2, beta: -0.1}` had its target in MFLOPs, whatever the objectives were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from movinet.config.typed import ConfigError, build, require

STRATEGIES = ("random", "evolution")  # that there were


@dataclass(frozen=True)
class EarlierSettings:
    """The flat ones, with their checks."""

    objective: Literal["pareto", "reward"] = "pareto"
    target_mflops: float | None = None
    beta: float = -0.10
    population: int | None = None
    tournament: int | None = None

    def __post_init__(self):
        needed = self.target_mflops is not None or self.objective != "reward"
        is_target = self.target_mflops is None or self.target_mflops > 0
        require(needed and is_target, self, "target_mflops", "a number > 0; null only if the objective is pareto")
        require(self.beta < 0, self, "beta", "a number < 0")


@dataclass(frozen=True)
class EarlierReward:
    """A reward whose target was in MFLOPs."""

    target_mflops: float
    beta: float = -0.10

    def __post_init__(self):
        require(self.target_mflops > 0, self, "target_mflops", "a number > 0")

    @property
    def today(self) -> dict[str, float]:
        return {"target": self.target_mflops * 1e6, "beta": self.beta}


def in_todays_words(search: Any) -> Any:
    """The same section with every setting where it is looked for today; what had no effect is left out.

    Raises ConfigError for earlier settings that were not allowed, or that stand beside the ones they became.
    """
    if not isinstance(search, Mapping):
        return search
    names = [each.name for each in fields(EarlierSettings)]
    given = {name: value for name, value in search.items() if name in names}
    earlier = build(EarlierSettings, given, "search")
    today = {name: value for name, value in search.items() if name not in names}
    if earlier.objective == "reward":
        _alone(search, "objective", "reward")
        today["reward"] = {"target_mflops": earlier.target_mflops, "beta": earlier.beta}
    if isinstance(reward := today.get("reward"), Mapping) and "target_mflops" in reward:
        today["reward"] = _with_target(reward, today.get("objectives"))
    if population := {name: given[name] for name in ("population", "tournament") if name in given}:
        today["strategy"] = _with_population(search.get("strategy", "evolution"), population)
    if isinstance(stopping := search.get("early_stopping"), Mapping) and stopping.get("kind") == "none":
        kept = {name: value for name, value in stopping.items() if name not in ("grace_epochs", "reduction")}
        today["early_stopping"] = kept
    return today


def _with_population(strategy: Any, population: dict[str, Any]) -> Any:
    """The strategy with the flat settings within it; one of today's has its own place for them."""
    named = dict(strategy) if isinstance(strategy, Mapping) else {"name": strategy}
    name = named.get("name", "evolution")
    if name not in STRATEGIES:
        first = next(iter(population))
        raise ConfigError(f"search.{first} is not a setting; allowed: search.strategy.{first}, if {name} has it")
    for each in population:
        _alone(named, each, f"strategy.{each}")
    return {**named, **population} if name == "evolution" else named


def _with_target(reward: Mapping[str, Any], objectives: Any) -> dict[str, float]:
    """The reward with its target in the record's unit, FLOPs; other objectives never had a target of theirs."""
    _alone(reward, "reward.target_mflops", "reward.target")
    if isinstance(objectives, (list, tuple)) and "flops" not in objectives:
        others = ", ".join(map(str, objectives))
        raise ConfigError(f"search.reward.target_mflops is no target of {others}; allowed: search.reward.target")
    return build(EarlierReward, reward, "search.reward").today


def _alone(present: Mapping[str, Any], earlier: str, today: str) -> None:
    if today.rpartition(".")[2] in present:
        raise ConfigError(f"search.{earlier} is not allowed beside search.{today}; allowed: the latter alone")
