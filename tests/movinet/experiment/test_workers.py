"""Training by several processes: the same losses as one process, the same files, and a lost worker costs no result."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import psutil
import pytest

from movinet.data.batching.augment import Augment
from movinet.data.cache import FrameCache
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sources.source import read_source
from movinet.spec import ClipSpec
from movinet.training.settings import TrainSettings
from tests.movinet.machine.test_cluster import cluster  # noqa: F401
from tests.support.experiments import write_config
from tests.support.paths import ROOT

CLIP = ClipSpec(4, 16, 4)
pytestmark = pytest.mark.slow


def train_without_batch_norm(folder: Path, addresses: list[str], rank: int, finish: Barrier) -> None:
    """Three epochs of a network whose clips do not meet in the forward pass; losses and weights in a file."""
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}})
    from movinet.training.team import Team

    team = Team() if len(addresses) > 1 else None
    import keras

    from movinet.training.training import Training

    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([keras.Input((4, 16, 16, 3)), layers.Flatten(), layers.Dense(8, "relu"), layers.Dense(12)])
    settings = TrainSettings(epochs=3, batch_size=4, learning_rate=0.003, average=0.9, augment=Augment())
    training = Training(model, FrameCache.open(folder / "frames"), CLIP, settings, team=team)
    measured = [training.epoch() for _ in range(3)]
    values = [[each.loss, each.accuracy, each.val_loss, each.val_accuracy] for each in measured]
    weights = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    np.savez(folder / f"{len(addresses)}-{rank}.npz", values=values, weights=weights)
    finish.wait()
    os._exit(0)


def test_losses_and_weights_are_those_of_one_process(tmp_path):
    synthesize(tmp_path / "clips", MovingShapes(2, 1, resolution=20, frames_per_second=4, seconds=1), workers=1)
    FrameCache.build(read_source(tmp_path / "clips"), tmp_path / "frames", 20, 4, workers=1)
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, other)]
    context = multiprocessing.get_context("spawn")
    for team in (addresses, addresses[:1]):
        finish = context.Barrier(len(team))
        processes = [
            context.Process(target=train_without_batch_norm, args=(tmp_path, team, rank, finish))
            for rank in range(len(team))
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            assert process.exitcode == 0
    alone, first, second = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("1-0", "2-0", "2-1"))
    np.testing.assert_allclose(first["values"], alone["values"], rtol=1e-5)
    np.testing.assert_allclose(first["weights"], alone["weights"], atol=1e-5)
    np.testing.assert_array_equal(first["weights"], second["weights"])


def command(config: Path, folder: Path, *overrides: str) -> list[str]:
    options = ["--config", str(config), "--model_dir", str(folder), "--set", "run.workers=2", *overrides]
    return [sys.executable, "-m", "movinet", "train", *options]


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "training.npz") as file:
        return {name: file[name] for name in file.files if name != "state"}


def children(parent: int) -> list[int]:
    return [child.pid for child in psutil.Process(parent).children() if "spawn_main" in " ".join(child.cmdline())]


def test_a_lost_worker_is_told_and_changes_nothing_in_the_end(tmp_path):
    config = write_config(tmp_path / "config.yaml", tmp_path / "data")
    longer = "train.epochs=40"  # so that it is not over before the blow
    whole = subprocess.run(command(config, tmp_path / "whole", longer), cwd=ROOT, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    process = subprocess.Popen(
        command(config, tmp_path / "lost", longer), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "lost" / "log.csv").exists():  # the first epoch is done
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(children(process.pid)[1], signal.SIGKILL)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "of 2 was lost (exit code -9): all go on from the last checkpoint" in told
    expected, found = weights_of(tmp_path / "whole"), weights_of(tmp_path / "lost")
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert json.loads((tmp_path / "lost" / "metrics.json").read_text())["finished"]


def test_shares_that_are_not_equal_are_refused(tmp_path):
    config = write_config(tmp_path / "config.yaml", tmp_path / "data")
    done = subprocess.run(
        command(config, tmp_path / "m", "train.batch_size=3"), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "run.workers=2 is not allowed; allowed: a divisor of train.batch_size=3" in done.stderr


def test_ray_train_makes_the_same_network(cluster, tmp_path):  # noqa: F811
    address, environment = cluster
    config = write_config(tmp_path / "config.yaml", tmp_path / "data")
    for name, overrides in {"near": [], "far": [f"run.address={address}"]}.items():
        arguments = command(config, tmp_path / name, *overrides)
        done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "epoch 3" in done.stderr
    expected, found = weights_of(tmp_path / "near"), weights_of(tmp_path / "far")
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
