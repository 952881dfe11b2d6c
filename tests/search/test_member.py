"""A family member's folder: the network, and the file for phones or the reason why there is none."""

import json
import math
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest

from movinet.config.choice import NoSettings
from movinet.config.file import plain
from movinet.data.batching.pipeline import make_view, views
from movinet.data.cache import FrameCache
from movinet.data.cache_index import read_index, write_index
from movinet.data.centre import centre_square
from movinet.data.prepare import DataSettings, prepare
from movinet.data.sources.source import read_source
from movinet.experiment.report import evaluate_folder
from movinet.experiment.settings import load_experiment
from movinet.machine.progress import Progress
from movinet.models.folder import load_network, read_member
from movinet.models.load import load_model
from movinet.training.measurement import Measurement
from movinet.training.model_folder import figures
from movinet.training.settings import TrainSettings
from results.members import read_metrics
from search.evaluators.trained import Trained
from search.member import write_member
from tests.support.clip_files import numbered_frames, write_video
from tests.support.exports import built
from tests.support.predict_members import CAUSAL, LABELS, SPEC


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two clips of each class in the folder clips."""
    root = tmp_path_factory.mktemp("clips")
    for label in LABELS:
        for number in range(2):
            frames = np.roll(numbered_frames(12, 32, 32), len(label) + number, 0)
            write_video(root / "clips" / label / f"{number}.mp4", frames, 8.0)
    return root


@pytest.fixture(scope="module")
def cache(root):
    return prepare(DataSettings(path=str(root / "clips"), folder=str(root / "data")), [SPEC.clip])


@pytest.fixture(scope="module")
def data(root, cache):
    """Where the clips of `cache` are, and how they were read."""
    read = {name: getattr(cache, name) for name in ("resolution", "frames_per_second", "seconds")}
    return DataSettings(path=str(root / "clips"), folder=str(root / "data"), **read)


def begun(spec, cache, train, seed):
    config = {"data": plain(DataSettings()), "train": asdict(train), "cache": str(cache.folder)}
    config |= {"keeps_best": True}
    evaluator = Trained(NoSettings(), config, train.epochs)
    evaluator.begin(spec, seed)
    return evaluator


def ended(spec, cache):
    """A training as it is after its last epoch, of made-up weights and measurements."""
    evaluator = begun(spec, cache, TrainSettings(epochs=1), seed=3)
    evaluator.training.model.set_weights(built(spec, len(LABELS)).get_weights())
    evaluator.measurements = [Measurement(1, 1.0, 0.5, 1.0, 0.25, 2.0, 1.0, 1.0)]
    return evaluator


def trained(spec, cache, **settings):
    evaluator = begun(spec, cache, TrainSettings(epochs=4, batch_size=2, rezero=0.2, **settings), seed=0)
    while not evaluator.done:
        evaluator.epoch()
    return evaluator


@pytest.mark.parametrize(("spec", "name"), [(CAUSAL, "stream"), (SPEC, "clip")])
def test_a_member_has_a_proved_file_for_phones(spec, name, cache, data, tmp_path):
    metrics = write_member(tmp_path / "A0", ended(spec, cache), data)
    assert metrics == read_metrics(tmp_path / "A0")
    assert metrics["litert"]["file"] == f"{name}.tflite"
    assert 0 < metrics["litert"]["relative_error"] < 1e-4
    assert metrics["litert"]["bytes"] == (tmp_path / "A0" / f"{name}.tflite").stat().st_size
    manifest = json.loads((tmp_path / "A0" / f"{name}.json").read_text())
    assert manifest["labels"] == list(LABELS)
    assert manifest["image"]["frames_per_second"] == spec.clip.frames_per_second


@pytest.mark.parametrize("average", [None, 0.5])
def test_the_weights_written_are_those_of_the_best_epoch(average, cache, data, tmp_path):
    evaluation = trained(CAUSAL, cache, average=average, learning_rate=0.06)
    metrics = write_member(tmp_path / "A0", evaluation, data)
    best = evaluation.measurements[metrics["epoch"] - 1]
    assert metrics["epochs"] == 4
    assert (best.val_accuracy, -best.val_loss) == max((m.val_accuracy, -m.val_loss) for m in evaluation.measurements)
    assert metrics["epoch"] < 4  # or the last weights would do
    experiment, _ = load_experiment(tmp_path / "A0" / "config.yaml")
    assert experiment.train == evaluation.train
    report = evaluate_folder(experiment, tmp_path / "A0", Progress()).figures
    assert report["top1"] == pytest.approx(metrics["accuracy"]) == metrics["top1"] == best.val_accuracy
    assert report["loss"] == pytest.approx(best.val_loss, rel=1e-4)
    assert (metrics["val_clips"], "test_accuracy" in metrics) == (report["clips"], False)
    network = load_network(read_member(tmp_path / "A0"))
    exported = load_model(str(tmp_path / "A0" / "stream.tflite"))
    (clip,) = make_view(cache, cache.index("val")[:1], CAUSAL.clip, *views())
    logits = np.asarray(network(clip[None]))[0]
    np.testing.assert_allclose(exported.logits(clip), logits, atol=1e-4 * np.abs(logits).max())


def test_the_best_weights_are_kept_through_a_checkpoint(cache, tmp_path):
    train = TrainSettings(epochs=4, batch_size=2, rezero=0.2, average=0.5, learning_rate=0.06)
    first = begun(CAUSAL, cache, train, seed=0)
    while len(first.measurements) < 3:
        first.epoch()
    first.save(tmp_path)
    best = min(first.measurements, key=lambda measured: (-measured.val_accuracy, measured.val_loss))
    second = begun(CAUSAL, cache, train, seed=0)
    second.load(tmp_path)
    assert best.epoch < len(second.measurements) == 3
    second.turn_to_best()
    assert second.training.evaluate().loss == pytest.approx(best.val_loss, abs=1e-6)


def test_a_member_is_measured_once_on_the_test_split_which_chooses_nothing(root, tmp_path):
    for split, numbers in {"train": "01", "val": "01", "test": "0"}.items():
        for label in LABELS:
            (tmp_path / "clips" / split / label).mkdir(parents=True)
            for number in numbers:
                place = tmp_path / "clips" / split / label / f"{number}.mp4"
                place.symlink_to(root / "clips" / label / f"{number}.mp4")
    data = DataSettings(path=str(tmp_path / "clips"), folder=str(tmp_path / "data"), resolution=32)
    cache = prepare(data, [CAUSAL.clip])
    evaluation = trained(CAUSAL, cache, learning_rate=0.06)
    assert not evaluation.training._kept.get("test")  # not looked at before
    metrics = write_member(tmp_path / "A0", evaluation, data)
    experiment, _ = load_experiment(tmp_path / "A0" / "config.yaml")
    on_test = replace(experiment, evaluation=replace(experiment.evaluation, split="test"))
    report = evaluate_folder(on_test, tmp_path / "A0", Progress()).figures
    assert (metrics["test_clips"], metrics["test_accuracy"]) == (report["clips"], report["top1"]) == (3, report["top1"])
    assert (metrics["val_clips"], next(iter(metrics))) == (6, "test_accuracy")


def test_a_member_of_several_classes_a_clip_says_so(cache, data, tmp_path):
    folder = shutil.copytree(cache.folder, tmp_path / "frames")
    index = read_index(folder)
    assert index is not None
    write_index(folder, index | {"labels": ["falls|moves", "moves|rises", "turns"]})
    evaluation = trained(CAUSAL, FrameCache.open(folder), multi_label=True)
    metrics, last = write_member(tmp_path / "A0", evaluation, data), evaluation.measurements[-1]
    assert metrics["accuracy"] == metrics["map"] == last.val_map
    assert figures({"val_accuracy": 0.5, "val_top5": 1.0, "val_map": None}) == {"top1": 0.5, "top5": 1.0}
    member = read_member(tmp_path / "A0")
    assert member.labels == ("falls", "moves", "rises", "turns")
    assert member.multi_label
    manifest = json.loads((tmp_path / "A0" / "stream.json").read_text())
    assert (manifest["labels"], manifest["multi_label"]) == (list(member.labels), True)
    assert load_network(member).output_shape == (None, 4)


def test_a_member_is_proved_on_white_frames_that_were_resized(data, tmp_path):
    white = np.full((12, 64, 64, 3), 255, np.uint8)
    for label in LABELS:
        for number in range(2):
            write_video(tmp_path / "clips" / label / f"{number}.mkv", white, 8.0)
    cache = FrameCache.build(read_source(tmp_path / "clips"), tmp_path / "frames", 64, 8, workers=1)
    spec = replace(CAUSAL, clip=replace(CAUSAL.clip, resolution=49))
    shown = make_view(cache, cache.index("val"), spec.clip, *views())
    assert shown.max() == centre_square(white, 49).max() == 1  # not a bit more
    assert write_member(tmp_path / "A0", ended(spec, cache), data)["litert"]["file"] == "stream.tflite"


def test_a_file_that_is_refused_is_a_reason_and_the_network_is_kept(cache, data, tmp_path, monkeypatch):
    monkeypatch.setattr("movinet.export.write.LIMITS", {None: -math.inf})
    evaluation = ended(CAUSAL, cache)
    metrics = write_member(tmp_path / "A0", evaluation, data)
    assert metrics["litert"]["file"] is None
    assert metrics["litert"]["reason"].startswith("ExportError: stream.tflite: after 1 frames the logits are ")
    assert sorted(path.name for path in (tmp_path / "A0").iterdir()) == [
        "config.yaml",
        "labels.json",
        "metrics.json",
        "model.keras",
        "spec.yaml",
    ]
    clip = np.full((1, 4, 16, 16, 3), 0.5, np.float32)
    network = load_network(read_member(tmp_path / "A0"))
    np.testing.assert_array_equal(network(clip), evaluation.training.model(clip))
