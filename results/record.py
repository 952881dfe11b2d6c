"""What one trial left behind, as one line of JSON; enough to plot, resume and rebuild without the code that ran it.

Standard library only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from movinet.config.errors import InputError

VERSION = 2
READABLE = (1, VERSION)  # 1 had neither objectives nor val_clips
STATUSES = ("finished", "stopped", "failed")


class RecordError(InputError):
    """A line that is no record of this version; the text names field, value and what is allowed."""


def score_of(measurement: Mapping[str, Any]) -> float:
    """What networks are compared by, in [0, 1]: an epoch's accuracy on the validation split, top-1.

    Where clips have several classes (`train.multi_label`) it is the mean average precision.
    """
    precision = measurement.get("val_map")
    return measurement["val_accuracy"] if precision is None else precision


@dataclass(frozen=True)
class TrialRecord:
    """One trial. Holds only what JSON can: tuples become lists, and NaN or infinity (a diverged loss) becomes None.

    candidate: decision -> value.  spec: `MovinetSpec.to_dict()`.  spec_id: `MovinetSpec.id`.
    cost: flops (multiply-adds), parameters, activation_bytes, buffer_bytes.
    measurements: one dict per epoch, as in `Measurement`.  accuracy: their best `score_of`, in [0, 1].
    status: "finished"; "stopped" early by the scheduler; "failed", with its `reason`.
    seconds: wall-clock of the trial; times: its parts (build, train, eval ...).
    rejected: candidates over budget that were drawn before this one.
    objectives: name -> value of what the search was for, by `results.axes`.  val_clips: that accuracy was measured on.
    """

    trial: int
    candidate: dict[str, Any]
    spec: dict[str, Any]
    spec_id: str
    cost: dict[str, int]
    status: str
    seed: int
    seconds: float
    accuracy: float | None = None
    reason: str | None = None
    measurements: list[dict[str, Any]] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    rejected: int = 0
    objectives: dict[str, float] = field(default_factory=dict)
    val_clips: int | None = None
    version: int = VERSION

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, _plain(getattr(self, f.name)))
        if self.version != VERSION:
            raise RecordError(f"version={self.version!r} cannot be written; allowed: {VERSION}")
        if isinstance(self.trial, bool) or not isinstance(self.trial, int) or self.trial < 0:
            raise RecordError(f"trial={self.trial!r} is not allowed; allowed: an integer >= 0")
        if self.status not in STATUSES:
            raise RecordError(f"status={self.status!r} is not allowed; allowed: {', '.join(STATUSES)}")
        if self.status == "failed" and not self.reason:
            raise RecordError(f"reason={self.reason!r} is not allowed; a failed trial says why")

    @property
    def scored(self) -> bool:
        """Has an accuracy: it can stand in a plot and on the front, even if it was stopped early."""
        return self.accuracy is not None and self.status != "failed"

    def value(self, name: str) -> float:
        """By the name of an axis (`results.axes`). Accuracy is a whole count of clips over all of them."""
        if name != "accuracy":
            return float(self.objectives[name] if name in self.objectives else self.cost[name])
        accuracy = self.accuracy or 0.0
        return (
            round(accuracy * self.val_clips) / self.val_clips if self.val_clips and not self.multi_label else accuracy
        )

    def point(self, costs: Iterable[str]) -> tuple[float, ...]:
        """These costs, then accuracy: a point of `results.pareto`."""
        return tuple(self.value(name) for name in (*costs, "accuracy"))

    @property
    def multi_label(self) -> bool:
        """Its clips had several classes each: `accuracy` is mean average precision."""
        return any(measured.get("val_map") is not None for measured in self.measurements)

    def to_json(self) -> str:
        """One line without its line break."""
        data = asdict(self)
        ordered = {"version": data.pop("version"), **data}
        return json.dumps(ordered, separators=(",", ":"), allow_nan=False)


def record_from_json(text: str | bytes) -> TrialRecord:
    """The record that `to_json` wrote. Raises RecordError for anything else."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise RecordError(f"not JSON ({error})") from error
    if not isinstance(data, dict):
        raise RecordError(f"{data!r} is no record; allowed: a JSON object")
    if data.get("version") not in READABLE:
        raise RecordError(f"version={data.get('version')!r} cannot be read; allowed: {', '.join(map(str, READABLE))}")
    data["version"] = VERSION
    names = [f.name for f in fields(TrialRecord)]
    for name in data:
        if name not in names:
            raise RecordError(f"{name} is not a field; allowed: {', '.join(names)}")
    try:
        return TrialRecord(**data)
    except TypeError as error:
        missing = [name for name in names if name not in data]
        raise RecordError(f"incomplete: {', '.join(missing)} not given") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
