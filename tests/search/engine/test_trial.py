"""What goes wrong in a trial ends the trial with its reason; the worker, with its TensorFlow, goes on."""

import signal
import time
from contextlib import suppress
from dataclasses import asdict

import pytest

from movinet.config.file import plain
from movinet.data.cache import FrameCache
from movinet.data.prepare import DataSettings
from movinet.training.settings import TrainSettings
from search.clips import clips_of, prepare
from search.evaluators.trained import Trained
from search.settings import load_settings
from search.view.listener import Listener
from tests.support.search_runs import SMALLEST, write_config

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> FrameCache:
    folder = tmp_path_factory.mktemp("trial")
    settings = load_settings(write_config(folder, folder / "data"))
    return prepare(settings.data, clips_of(settings.load_space()), Listener())


@pytest.fixture
def trial(cache, tmp_path, monkeypatch):
    """A function that resets one trainable to a trial with these changes: the actor that every test reuses."""
    from search.engine import trial as module

    monkeypatch.setattr(Trained, "start_worker", lambda threads, gpu: None)  # TensorFlow was used by other tests before
    prepared = {
        "data": plain(DataSettings()),
        "train": asdict(TrainSettings(epochs=2, batch_size=8)),
        "cache": str(cache.folder),
    }
    config = {
        "name": 0,
        "spec": SMALLEST.to_dict(),
        "seed": 0,
        "evaluator": "trained",
        "prepared": prepared,
        "epochs": 2,
        "path": [],
        "threads": 1,
        "gpu_fraction": 0,
        "time_limit_s": None,
        "checkpoint": None,
        "member": None,
        "logs": str(tmp_path / "logs"),
    }
    actor = module.Trial(dict(config))

    def reset(train=None, cache=None, **changes):
        changed = {"train": {**prepared["train"], **(train or {})}, "cache": cache or prepared["cache"]}
        assert actor.reset_config({**config, **changes, "prepared": {**prepared, **changed}})
        return actor

    return reset


def is_sound(actor) -> bool:
    """The next trial of the same actor ends well."""
    result = actor.step()
    return result["reason"] is None and result["epoch"] == 1


def test_a_trial_measures_each_epoch_and_is_done_with_the_last(trial):
    actor = trial()
    first, second = actor.step(), actor.step()
    assert (first["epoch"], first["done"], second["epoch"], second["done"]) == (1, False, 2, True)
    assert first["measurements"] == second["measurements"][:1]
    assert first["should_checkpoint"]
    assert not second["should_checkpoint"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"train": {"learning_rate": 1e30, "clip_norm": None}}, "diverged: "),
        ({"time_limit_s": 0.001}, "time limit: longer than the limit of 0.001 s"),
        ({"cache": "nowhere"}, "CacheError: nowhere"),
        ({"checkpoint": "nowhere"}, "TrainingStateError: nowhere"),
    ],
)
def test_a_failing_trial_has_a_reason_and_a_log_and_the_next_runs(trial, tmp_path, changes, reason):
    result = trial(**changes).step()
    assert result["done"]
    assert result["reason"].startswith(reason)
    assert "Traceback" in (tmp_path / "logs" / "trial-0.log").read_text()
    assert is_sound(trial())


def test_a_trial_that_needs_more_memory_than_there_is_says_so(trial):
    huge = SMALLEST.to_dict() | {"clip": {"frames": 100_000, "resolution": 30_000, "frames_per_second": 4.0}}
    result = trial(spec=huge).step()
    assert result["done"]
    assert result["reason"].startswith("out of memory: ")
    assert is_sound(trial())


def test_a_time_limit_counts_all_epochs_and_leaves_no_timer_behind(trial):
    actor = trial(time_limit_s=60)
    assert actor.step()["reason"] is None
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    actor.began -= 60
    assert actor.step()["reason"] == "time limit: longer than the limit of 60 s"


def test_a_trial_resumed_from_its_checkpoint_ends_as_if_it_had_never_stopped(trial, tmp_path):
    actor = trial()
    actor.step()
    actor.save_checkpoint(str(tmp_path / "checkpoint"))
    whole = actor.step()["measurements"]
    resumed = trial(checkpoint=str(tmp_path / "checkpoint")).step()
    assert resumed["done"]
    for name in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy"):
        assert [m[name] for m in resumed["measurements"]] == pytest.approx([m[name] for m in whole], rel=1e-5)


def test_the_same_trial_gives_the_same_measurements_again(trial):
    losses = [trial(name=name).step()["measurements"][0]["val_loss"] for name in (0, 1)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_an_actor_keeps_nothing_of_the_trials_before(trial):
    """Graph objects that pile up are what makes workers grow: 40,000 a trial before they were freed."""
    import gc

    def tracked() -> int:
        trial()
        gc.collect()
        return len(gc.get_objects())

    is_sound(trial())
    before = tracked()
    for _ in range(3):
        is_sound(trial())
    assert tracked() < before + 3000


def test_a_time_limit_that_was_swallowed_comes_again():
    from search.engine.trial import TimeLimit, time_limit

    with pytest.raises(TimeLimit, match=r"longer than the limit of 0.05 s"), time_limit(0.05, 0):
        with suppress(TimeLimit):  # as Python does in a destructor
            time.sleep(30)
        time.sleep(30)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
