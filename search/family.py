"""From a search's records to the networks of a family: the best candidate, scaled."""

from __future__ import annotations

from collections.abc import Sequence

from movinet.spec import MovinetSpec, spec_from_dict
from results.record import TrialRecord
from search.settings import DataSettings, SearchSettings, Settings
from space.scaling.coefficients import Limits
from space.scaling.members import family


class NoBestTrial(RuntimeError):
    """No trial has an accuracy, so there is nothing to scale."""


def best_trial(records: Sequence[TrialRecord], settings: SearchSettings) -> TrialRecord:
    """The most accurate trial, or where the settings have a reward the one with the greatest.

    All keep the budget; of equals the cheapest. Raises NoBestTrial with the reasons of failed trials.
    """
    scored = [record for record in records if record.scored]
    if not scored:
        reasons = dict.fromkeys(record.reason or record.status for record in records)
        raise NoBestTrial(f"no trial has an accuracy ({'; '.join(list(reasons)[:3]) or 'none was tried'})")

    def merit(record: TrialRecord) -> tuple[float, float]:
        value = settings.reward.of(record, settings.cost) if settings.reward else record.value("accuracy")
        return value, -record.value(settings.cost)

    return max(scored, key=merit)


def family_of(best: TrialRecord, settings: Settings, num_classes: int) -> dict[str, MovinetSpec]:
    """A0 to A5 from the best trial, as settings.scaling says. Raises SpaceError when a member misses its target."""
    scaling = settings.scaling
    return family(
        spec_from_dict(best.spec),
        scaling.coefficients,
        scaling.base_member,
        scaling.ratio,
        scaling.tolerance,
        _limits(settings.data),
        num_classes,
    )


def _limits(data: DataSettings) -> Limits:
    """Members need no more pixels and frames than the videos have, where that is known beforehand."""
    if data.path is None:
        return Limits(data.moving_shapes.resolution, data.moving_shapes.frames_per_second)
    return Limits(data.resolution, data.frames_per_second)
