"""A space for other tuners: Ray Tune's param_space and Keras Tuner's HyperParameters, and candidates back from both.

Both want a flat set of names, and Keras Tuner only text and numbers: a kernel is the text "1x5x5" there, and a flag
"true" or "false".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from space.decision import Decision, SpaceError
from space.space import Candidate, Space

if TYPE_CHECKING:
    import keras_tuner


def to_ray(space: Space) -> dict[str, Any]:
    """param_space for ray.tune: an even choice for every decision.

    Ray knows no conditions: it draws for absent layers too, and `candidate_from` leaves those draws out.
    """
    from ray import tune

    return {decision.name: tune.choice([_label(value) for value in decision.values]) for decision in space.decisions}


def to_keras_tuner(
    space: Space, hyperparameters: keras_tuner.HyperParameters | None = None
) -> keras_tuner.HyperParameters:
    """The decisions as hyperparameters, those of a layer in the scope of the depths that have it.

    hyperparameters: where to declare them; new ones if None.
    """
    import keras_tuner

    declared = hyperparameters or keras_tuner.HyperParameters()
    for decision in space.decisions:
        labels = [_label(value) for value in decision.values]
        if (condition := decision.condition) is None:
            declared.Choice(decision.name, labels)
            continue
        deep_enough = [depth for depth in space.by_name[condition.name].values if depth >= condition.at_least]
        with declared.conditional_scope(condition.name, deep_enough):
            declared.Choice(decision.name, labels)
    return declared


def candidate_from(space: Space, values: Mapping[str, Any]) -> Candidate:
    """The candidate that a tuner's values describe; those of absent layers, and names of the tuner's own, are left out.

    Raises SpaceError for a missing value, or one that its decision does not have.
    """
    chosen: dict[str, Any] = {}
    for decision in space.active(chosen):
        if decision.name not in values:
            raise SpaceError(f"{decision.name} is missing; allowed: {', '.join(map(str, decision.values))}")
        chosen[decision.name] = _from_label(decision, values[decision.name])
    return space.candidate(chosen)


def to_labels(values: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate's values as a tuner has them: the inverse of `candidate_from`."""
    return {name: _label(value) for name, value in values.items()}


def _label(value: Any) -> str | int | float:
    if isinstance(value, list):
        return "x".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else value


def _from_label(decision: Decision, label: Any) -> Any:
    return next((value for value in decision.values if _label(value) == label), label)
