"""Checks what the default search left behind: `python .ci/check_run.py runs/default`."""

import json
import subprocess
import sys
from pathlib import Path

from results.members import read_members
from results.pareto import front
from results.store import load_records

MEMBERS = ("A0", "A1", "A2", "A3", "A4", "A5")


def main(run: Path) -> None:
    records = load_records(run)
    valid = [record for record in records if record.accuracy is not None]
    points = front([(record.cost["flops"], record.accuracy) for record in valid])
    metrics = read_members(run)
    labels = json.loads((run / "family" / "A0" / "labels.json").read_text(encoding="utf-8"))
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

    litert = {name: metrics[name]["litert"] for name in MEMBERS}
    assert all(found["file"] == "stream.tflite" and found["relative_error"] < 1e-4 for found in litert.values()), litert
    member = run / "family" / "A2"
    clip, stream, file = classes(member), classes(member, "--stream"), classes(member / "stream.tflite", "--stream")
    assert sorted(clip) == sorted(stream) == sorted(file) == sorted(labels), (clip, stream, file)
    assert all(abs(file[label] - stream[label]) < 1e-3 for label in labels), (file, stream)
    python("run_search.py", "export", run.name, "--runs-folder", str(run.parent), "--quantize", "int8")
    assert all((run / "family" / name / "stream_int8.tflite").stat().st_size > 0 for name in MEMBERS)
    print("check_run: everything is there")


def classes(model: Path, *more: str) -> dict[str, float]:
    """The probability of each class of a clip, at its end."""
    video = next(Path("data").rglob("*.mp4"))
    words = ("-m", "movinet", "predict", str(video), "--model", str(model), "--top", "12", "--json", *more)
    *_, last = python(*words).splitlines()
    return {found["label"]: found["probability"] for found in json.loads(last)["classes"]}


def python(*words: str) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run([sys.executable, *words], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
