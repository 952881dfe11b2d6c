import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.record import RecordError, TrialRecord, record_from_json


def record(**changes) -> TrialRecord:
    values = {
        "trial": 3,
        "candidate": {"block3.kernel": (5, 3, 3), "clip.resolution": 48},
        "spec": {"clip": {"frames": 8}},
        "spec_id": "9f2c41d0aa",
        "cost": {"flops": 110_000_000, "parameters": 183_204, "activation_bytes": 4096, "buffer_bytes": 512},
        "status": "finished",
        "seed": 7,
        "seconds": 12.5,
        "accuracy": 0.625,
        "measurements": [{"epoch": 1, "loss": 1.25, "val_accuracy": 0.625}],
        "times": {"build": 0.5, "train": 11.0},
        "rejected": 2,
    }
    return TrialRecord(**{**values, **changes})


def test_a_record_survives_its_line():
    assert record_from_json(record().to_json()) == record()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    candidate=st.dictionaries(st.text(), json_values, max_size=4),
    accuracy=st.none() | st.floats(),
    reason=st.text(min_size=1),
)
def test_any_record_is_one_line_and_survives_it(candidate, accuracy, reason):
    written = record(candidate=candidate, accuracy=accuracy, reason=reason)
    line = written.to_json()
    assert "\n" not in line
    assert record_from_json(line) == written


def test_a_diverged_loss_is_strict_json():
    diverged = record(measurements=[{"epoch": 1, "loss": float("nan")}], status="failed", reason="loss is nan")
    assert json.loads(diverged.to_json(), parse_constant=pytest.fail)["measurements"] == [{"epoch": 1, "loss": None}]


def test_only_what_has_an_accuracy_and_did_not_fail_is_scored():
    assert record().scored
    assert record(status="stopped").scored
    assert not record(status="failed", reason="out of memory").scored
    assert not record(accuracy=None).scored


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[1]", r"\[1\] is no record"),
        ('{"version": 3}', "version=3 cannot be read; allowed: 1, 2"),
        ('{"version": 1, "colour": 1}', "colour is not a field"),
        ('{"version": 1, "trial": 1}', "incomplete: candidate, spec"),
    ],
)
def test_what_is_no_record_says_why(line, message):
    with pytest.raises(RecordError, match=message):
        record_from_json(line)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "done"}, "status='done' is not allowed; allowed: finished, stopped, failed"),
        ({"trial": -1}, "trial=-1 is not allowed"),
        ({"trial": True}, "trial=True is not allowed"),
        ({"status": "failed"}, "a failed trial says why"),
    ],
)
def test_wrong_fields_are_refused(changes, message):
    with pytest.raises(RecordError, match=message):
        record(**changes)
