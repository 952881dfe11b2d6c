import random
import re
import subprocess
import sys

from movinet.cost import network_cost
from space.budget import Budget
from space.load import load_space
from space.sampling import sample
from space.show import show
from tests.support.spaces import MOVINET, MOVING_SHAPES, SMALL, SPACES


def test_the_text_names_size_choices_and_costs():
    text = show(MOVING_SHAPES, Budget(flops=4_000_000), samples=500, num_classes=8)
    assert text.startswith("26,963,510,169,600 candidates (32 decisions;")
    assert re.search(r"block3\.layer1-3\.kernel +1x3x3, 1x5x5, 3x3x3, 5x3x3\n", text)
    assert re.search(r"clip\.seconds +2 \(fixed\)\n", text)
    assert "500 samples, seed 0, 8 classes" in text
    assert text.count("<- budget 4\n") == 1


def test_histograms_and_feasible_share_are_those_of_the_samples():
    rng = random.Random(7)
    flops = sorted(network_cost(sample(MOVING_SHAPES, rng).spec(), num_classes=8).flops for _ in range(400))
    kept = sum(value <= 3_000_000 for value in flops)
    text = show(MOVING_SHAPES, Budget(flops=3_000_000), samples=400, seed=7, num_classes=8)
    assert f"MFLOPs: {flops[0] / 1e6:.3g} to {flops[-1] / 1e6:.3g}, median {flops[200] / 1e6:.3g}" in text
    assert text.endswith(f"Within the budget (flops <= 3,000,000): {kept / 400:.1%} of the samples.")
    shares = [float(share) for share in re.findall(r"([\d.]+)% ", text.split("parameters:")[0].split("MFLOPs:")[1])]
    assert abs(sum(shares) - 100) < 1


def test_a_large_size_is_written_as_a_power_and_no_budget_is_said():
    text = show(MOVINET, samples=20)
    assert text.startswith("3.80 x 10^99 candidates (162 decisions;")
    assert text.endswith("No budget: every candidate is feasible.")


def test_one_network_has_a_histogram_too():
    text = show(load_space(SMALL), samples=1)
    assert "100.0%" in text


def test_every_sample_is_counted():
    counted = []
    show(load_space(SMALL), samples=30, progress=lambda done, total: counted.append((done, total)))
    assert counted == [(done, 30) for done in range(1, 31)]


def test_the_text_is_the_same_in_every_process():
    code = (
        "from space.load import load_space; from space.show import show\n"
        "print(show(load_space('configs/spaces/moving_shapes.yaml'), samples=50))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SPACES.parents[1], env=env
        ).stdout
        for env in (
            {"PYTHONHASHSEED": "1", "PYTHONIOENCODING": "utf-8"},
            {"PYTHONHASHSEED": "2", "PYTHONIOENCODING": "utf-8"},
        )
    ]
    assert runs[0] == runs[1]
