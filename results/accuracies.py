"""Accuracies as a person reads them: with their intervals, and what they are worth.  Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from movinet.evaluation.intervals import Accuracy
from results.record import TrialRecord

Named = Sequence[tuple[str, Accuracy]]


def of_record(record: TrialRecord) -> Accuracy:
    """A scored trial's, of its best epoch in validation."""
    return Accuracy(record.value("accuracy"), None if record.multi_label else record.val_clips)


def in_validation(metrics: Mapping[str, Any]) -> Accuracy:
    """A member's, of its best epoch; by its metrics.json."""
    return Accuracy(metrics["accuracy"], None if "map" in metrics else metrics.get("val_clips"))


def on_test(metrics: Mapping[str, Any]) -> Accuracy | None:
    """A member's on the test split; None where there is none."""
    if "test_accuracy" not in metrics:
        return None
    return Accuracy(metrics["test_accuracy"], None if "map" in metrics else metrics["test_clips"])


def first_of(metrics: Mapping[str, Any]) -> Accuracy:
    """What a member is shown by: on the test split, where there is one."""
    return on_test(metrics) or in_validation(metrics)


def in_words(metrics: Mapping[str, Any]) -> str:
    """A member's accuracies, the one on the test split first."""
    test, validation = on_test(metrics), in_validation(metrics)
    return f"{validation}" if test is None else f"test {test}, validation {validation}"


def words_on_accuracy(
    records: Sequence[TrialRecord], members: Mapping[str, Mapping[str, Any]], classes: int | None
) -> list[str]:
    """Lines on what the figures of a run are of, and on which differences are no more than noise.

    classes: how many there are to guess, if known.
    """
    trials = [(f"trial #{record.trial}", of_record(record)) for record in records if record.scored]
    if not trials:
        return []
    of_members = [(name, first_of(metrics)) for name, metrics in members.items()]
    chance = None if any(record.multi_label for record in records) or not classes else 1 / classes
    lines = [_what_it_is_of(records, members), *_on_test_split(members)]
    return [*lines, *_on_noise(trials, chance), *_on_noise(of_members, chance)]


def epochs_of(records: Sequence[TrialRecord]) -> int:
    """How many epochs the longest of the trials had."""
    return max((len(record.measurements) for record in records), default=0)


def _what_it_is_of(records: Sequence[TrialRecord], members: Mapping[str, Mapping[str, Any]]) -> str:
    clips = max((record.val_clips or 0 for record in records), default=0)
    trained = sorted({metrics["epochs"] for metrics in members.values() if "epoch" in metrics})
    family = f" (family: of {', '.join(map(str, trained))})" if trained and trained != [epochs_of(records)] else ""
    where = f"{clips} clips of validation" if clips else "the clips of validation"
    interval = "; in brackets: 95% interval" if clips else ""
    return f"accuracy best of {epochs_of(records)} epochs{family} on {where}, which flatters{interval}"


def _on_test_split(members: Mapping[str, Mapping[str, Any]]) -> list[str]:
    clips = {metrics["test_clips"] for metrics in members.values() if "test_clips" in metrics}
    if clips:
        return [f"test     on {max(clips)} clips of the test split, by which nothing was chosen"]
    return (
        ["test     none: the clips have no test split, so all figures are of clips that chose something"]
        if members
        else []
    )


def _on_noise(named: Named, chance: float | None) -> list[str]:
    """Whether the best of them may be no better than a guess, or than the next."""
    ranked = sorted(named, key=lambda item: -item[1].value)
    if not ranked:
        return []
    (name, best), *others = ranked
    if chance is not None and best.is_like_chance(chance):
        return [f"noise    {name}, the best with {best}, is within noise of chance ({chance:.1%})"]
    if others and best.is_like(others[0][1]):
        alike = sum(best.is_like(other) for _, other in others)
        more = f", and of {alike - 1} more" if alike > 1 else ""
        return [f"noise    {name}, the best with {best}, is within noise of the next, {others[0][0]}{more}"]
    return []
