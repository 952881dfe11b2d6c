"""Work over a Ray cluster: the same results as processes here, and a worker that dies costs one item."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from tests.support.paths import ROOT

pytest.importorskip("ray")
pytestmark = pytest.mark.slow
DRIVER = """
import os, time, ray
from search.engine.ray_cluster import Workers, ray_cluster
with ray_cluster(Workers(count=2, threads=1)):
    print(ray.get_runtime_context().gcs_address, os.environ["RAY_AUTH_TOKEN"], flush=True)
    time.sleep(300)
"""
CRASHING = """
import sys
from movinet.machine.cluster import machines
from tests.movinet.machine.test_processes import die_at_seven
with machines(sys.argv[1]) as parallel:
    print(list(parallel(die_at_seven, range(20), None, lambda x: -x)))
"""


@pytest.fixture(scope="module")
def cluster():
    """A Ray of two cores: (address, environment of a client)."""
    process = subprocess.Popen([sys.executable, "-c", DRIVER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    address, token = process.stdout.readline().split()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    variables = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    yield address, clean | variables | {"PYTHONPATH": str(ROOT)}
    process.kill()
    process.wait()


def run(cluster, *arguments: str, folder: Path = ROOT) -> str:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=cluster[1], capture_output=True, text=True, check=True).stdout


def test_a_cluster_reduces_and_checks_as_this_machine_does(cluster, tmp_path):
    synthesize(tmp_path / "shapes", MovingShapes(train_clips=2, val_clips=1), workers=1)
    command = ("-m", "movinet", "data", "reduce", "shapes")
    options = ("--short-side", "32", "--format", "tfrecord")
    run(cluster, *command, "far", *options, "--address", cluster[0], folder=tmp_path)
    run(cluster, *command, "near", *options, "--workers", "1", folder=tmp_path)
    far, near = (
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.tfrecord")} for name in ("far", "near")
    )
    assert far == near
    assert len(list(csv.DictReader((tmp_path / "far" / "manifest.csv").open()))) == 36
    checked = run(cluster, "-m", "movinet", "data", "check", "far", "--address", cluster[0], folder=tmp_path)
    assert "36 clips are good, 0 are not" in checked


def test_a_worker_that_dies_costs_its_item_only(cluster):
    printed = run(cluster, "-c", CRASHING, cluster[0]).splitlines()  # with what Ray says of the death
    assert str([-7 if x == 7 else x for x in range(20)]) in printed


def test_no_cluster_is_one_line(tmp_path):
    command = [sys.executable, "-m", "movinet", "data", "check", str(tmp_path), "--address", "127.0.0.1:1"]
    (tmp_path / "a").mkdir()
    for name in ("1", "2"):
        (tmp_path / "a" / f"{name}.mp4").write_bytes(b"x")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --address 127.0.0.1:1: no Ray cluster answers there")
