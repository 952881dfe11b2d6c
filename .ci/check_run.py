"""Checks what the default search left behind: `python .ci/check_run.py runs/default`."""

import json
import subprocess
import sys
from pathlib import Path

from results.pareto import front
from results.store import load_records

MEMBERS = ("A0", "A1", "A2", "A3", "A4", "A5")


def main(run: Path) -> None:
    records = load_records(run)
    valid = [record for record in records if record.accuracy is not None]
    points = front([(record.cost["flops"], record.accuracy) for record in valid])
    metrics = {name: json.loads((run / "family" / name / "metrics.json").read_text()) for name in MEMBERS}
    labels = json.loads((run / "family" / "A0" / "labels.json").read_text())
    chance = 1 / len(labels)
    accuracies = {name: metrics[name]["accuracy"] for name in MEMBERS}
    print(f"{len(records)} trials, {len(valid)} with an accuracy, {len(points)} on the front; family {accuracies}")

    for name in ("config.yaml", "environment.json", "trials.jsonl", "front.csv", "pareto.png", "pareto.svg"):
        assert (run / name).stat().st_size > 0, name
    assert len(records) >= 20, len(records)
    assert len({record.trial for record in records}) == len(records)
    assert len({record.spec_id for record in records}) == len(records)
    assert len(points) >= 4, points
    assert max(accuracies.values()) >= 0.75, accuracies
    assert accuracies["A0"] >= 2 * chance, (accuracies["A0"], chance)

    video = next(Path("data").rglob("*.mp4"))
    command = [sys.executable, "-m", "movinet", "predict", str(video), "--model", str(run / "family" / "A2")]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert any(label in answer for label in labels), answer
    print("check_run: everything is there")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
