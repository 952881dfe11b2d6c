"""What short trainings and cheap numbers tell of a network that is trained to the end, from the recorded tables.

    python benchmarks/search/signals.py

Kendall's tau within octaves of FLOPs (`results/agreement.py`) with the accuracy after 20 epochs, mean of two seeds; the
ceiling is how far one seed of that agrees with the other.  Below, the noise: r is the standard deviation between seeds
over that between networks, for each octave of FLOPs.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, variance

from results.agreement import agreement
from results.table import RecordedTraining, read_table

HERE = Path(__file__).parent
LONG = HERE / "moving_shapes_long.csv.gz"
SHORT = {  # what a search could train each candidate by
    "6 epochs": "moving_shapes.csv.gz",
    "6 of 10 epochs, averaged weights": "moving_shapes_horizon.csv.gz",
    "6 of 20 epochs, averaged weights": "moving_shapes_horizon20.csv.gz",
}
EARLY = (1, 2, 3, 4, 6, 8, 10, 12, 15)  # epochs of the long training
TABLES = [LONG, *(HERE / name for name in SHORT.values()), HERE / "hard.csv.gz"]

ByNetwork = Mapping[str, Sequence[RecordedTraining]]


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    long = by_network(LONG)
    print("tau within octaves with the accuracy after 20 epochs\n" + "\n".join(signals(long)))
    print("\nnoise: standard deviation of the best accuracy")
    for path in TABLES:
        for line in noise(by_network(path)):
            print(f"{path.name.removesuffix('.csv.gz'):28} {line}")


def by_network(path: Path) -> ByNetwork:
    """Trainings by their network's id; a seed of 10 and more is one of an older program, and no seed of its own."""
    found: dict[str, list[RecordedTraining]] = defaultdict(list)
    for training in read_table(path):
        if training.seed < 10:
            found[training.spec_id].append(training)
    return found


def signals(long: ByNetwork) -> list[str]:
    """A line for each signal."""
    truth = {name: fmean(one.best for one in of_one) for name, of_one in long.items()}
    first = {name: of_one[0] for name, of_one in long.items()}
    lines = [_line("FLOPs", {name: float(one.cost["flops"]) for name, one in first.items()}, first, truth)]
    lines.append(
        _line("parameters", {name: float(one.cost["parameters"]) for name, one in first.items()}, first, truth)
    )
    for label, table in SHORT.items():
        short = {name: of_one[0] for name, of_one in by_network(HERE / table).items() if name in long}
        scores = {name: one.best for name, one in short.items()}
        lines.append(_line(label, scores, first, truth))
    for epoch in EARLY:
        scores = {name: max(one.accuracies[:epoch]) for name, one in first.items()}
        lines.append(_line(f"the first {epoch} of the 20 epochs", scores, first, truth))
    twice = {name: of_one for name, of_one in long.items() if len(of_one) > 1}
    one, other = ({name: of_one[seed].best for name, of_one in twice.items()} for seed in (0, 1))
    return [*lines, _line("ceiling: 20 epochs, one seed against the other", one, first, other)]


def _line(
    label: str,
    scores: Mapping[str, float],
    networks: Mapping[str, RecordedTraining],
    truth: Mapping[str, float],
) -> str:
    names = [name for name in scores if name in truth]
    costs = [networks[name].cost["flops"] for name in names]
    found = agreement(costs, [scores[name] for name in names], [truth[name] for name in names])
    return f"{label:48} {found} on {len(names)} networks"


def noise(trainings: ByNetwork) -> list[str]:
    """A line for each octave of FLOPs with networks of several seeds."""
    octaves: dict[int, list[list[float]]] = defaultdict(list)
    for of_one in trainings.values():
        if len(of_one) > 1:
            octave = math.floor(math.log2(of_one[0].cost["flops"] / 1e6))
            octaves[octave].append([one.best for one in of_one])
    lines = []
    for octave, values in sorted(octaves.items()):
        if len(values) < 2:
            continue
        seeds, means = fmean(map(len, values)), [fmean(each) for each in values]
        within = fmean(map(variance, values))
        between = max(variance(means) - within / seeds, 0.0)
        r = math.sqrt(within / between) if between else math.inf
        lines.append(
            f"{2.0**octave:5.2f} to {2.0 ** (octave + 1):.2f} MFLOPs: {len(values)} networks x {seeds:.1f} seeds, "
            f"between seeds {math.sqrt(within):.3f}, between networks {math.sqrt(between):.3f}, r {r:.2f}"
        )
    return lines


if __name__ == "__main__":
    main()
