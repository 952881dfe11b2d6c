"""Metrics against numbers worked out by hand, views against the pixels they show, and a model folder's report."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from movinet.config.typed import ConfigError
from movinet.data.batching.pipeline import View, make_batch, make_view, views
from movinet.data.cache import FrameCache
from movinet.data.sources.source import read_source
from movinet.evaluation.metrics import (
    average_precisions,
    calibration,
    confusion_matrix,
    mean_average_precision,
    top_k_accuracy,
)
from movinet.evaluation.predictions import (
    Predictions,
    measure,
    predict_split,
    streaming_accuracy,
    wanted_classes,
    worst,
)
from movinet.experiment.progress import TrainingProgress
from movinet.experiment.report import evaluate_folder
from movinet.experiment.session import train
from movinet.experiment.settings import load_experiment
from movinet.models.folder import load_network, read_member
from movinet.spec import ClipSpec
from tests.support.clip_files import numbered_frames, numbers, write_video
from tests.support.experiments import write_config

CLIP = ClipSpec(frames=5, resolution=48, frames_per_second=5)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Clips of 20 frames, 48 x 64 pixels, that show their number."""
    root = tmp_path_factory.mktemp("wide")
    for label in "ab":
        for k in range(2):
            write_video(root / "clips" / label / f"{k}.mp4", numbered_frames(20), 10)
    return FrameCache.build(read_source(root / "clips"), root / "frames", 48, 10, workers=1)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    return write_config(folder / "tiny.yaml", folder / "data")


@pytest.fixture(scope="module")
def trained(config, tmp_path_factory):
    """The folder of a causal model after one epoch."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    train(load_experiment(config, ["network.causal=true", "train.epochs=1"])[0], folder, TrainingProgress())
    return folder


def cache_folder(config):
    """Where the experiment's frames were kept."""
    return next(Path(load_experiment(config)[0].data.folder).rglob("frames.bin")).parent


def test_accuracy_counts_the_right_class_among_the_best():
    scores = np.array([[3.0, 2, 1], [1, 3, 2], [1, 2, 3], [3, 2, 1]])
    wanted = np.eye(3)[[0, 2, 0, 1]]
    assert top_k_accuracy(scores, wanted, 1) == 0.25
    assert top_k_accuracy(scores, wanted, 2) == 0.75
    assert top_k_accuracy(scores, wanted, 5) == 1.0


def test_average_precision_of_a_known_ranking():
    scores = np.array([[0.9], [0.8], [0.7], [0.6]])
    wanted = np.array([[1], [0], [1], [0]])
    assert average_precisions(scores, wanted)[0] == pytest.approx((1 / 1 + 2 / 3) / 2)
    both = np.concatenate([wanted, np.zeros((4, 1))], 1)  # the second class never occurs
    assert mean_average_precision(np.concatenate([scores, scores], 1), both) == pytest.approx(5 / 6)


def test_calibration_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 4)
    labels = np.array([0, 0, 0, 1, 0, 0, 0, 1])  # three of four right, twice
    error, bins = calibration(probabilities, labels, bins=10)
    assert error == pytest.approx((0.15 + 0.15) / 2)
    assert bins[:, 0].sum() == 8
    assert bins[9].tolist() == pytest.approx([4, 0.9, 0.75])


@given(seed=st.integers(0, 99), classes=st.integers(2, 6), clips=st.integers(1, 30))
def test_the_confusion_matrix_counts_every_clip_once(seed, classes, clips):
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(0, classes, (2, clips))
    matrix = confusion_matrix(predicted, labels, classes)
    assert matrix.sum() == clips
    assert np.trace(matrix) == (labels == predicted).sum()
    np.testing.assert_array_equal(matrix.sum(1), np.bincount(labels, minlength=classes))


def test_one_view_is_the_centre_that_training_measures(wide):
    entries = wide.index("val")
    assert views() == [View()]
    np.testing.assert_array_equal(make_view(wide, entries, CLIP, View()), make_batch(wide, entries, CLIP)[0])


def test_views_go_from_the_first_moment_to_the_last(wide):
    shown = [numbers(make_view(wide, np.array([0]), CLIP, view)[0] * 255) for view in views(3, 1)]
    assert shown == [[0, 2, 4, 6, 8], [5, 7, 9, 11, 13], [10, 12, 14, 16, 18]]


def test_crops_go_from_one_end_of_the_frame_to_the_other(wide):
    frames = wide.frames(0)[[5, 7, 9, 11, 13]] / np.float32(255)
    for view, left in zip(views(1, 3), (0, 8, 16), strict=True):
        np.testing.assert_allclose(
            make_view(wide, np.array([0]), CLIP, view)[0], frames[:, :, left : left + 48], atol=1e-6
        )
    small = make_view(wide, np.array([0]), ClipSpec(5, 24, 5), View(crop_share=0.5))[0]
    np.testing.assert_allclose(small, frames[:, 12:36, 20:44], atol=1e-6)


def test_each_class_is_measured_on_its_own_clips():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]])
    report = measure(Predictions(("a", "b", "c"), np.arange(4), probabilities, np.eye(3)[[0, 0, 1, 1]]))
    assert report["top1"] == 0.75
    assert report["per_class"]["a"] == {"clips": 2, "accuracy": 1.0, "precision": pytest.approx(2 / 3)}
    assert report["per_class"]["b"] == {"clips": 2, "accuracy": 0.5, "precision": 1.0}
    assert report["per_class"]["c"] == {"clips": 0, "accuracy": None, "precision": None}
    assert report["mean_class_accuracy"] == 0.75
    assert report["loss"] == pytest.approx(-np.log([0.8, 0.6, 0.7, 0.4]).mean())
    assert report["confusion"] == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_several_classes_of_a_clip_are_measured_by_precision():
    probabilities = np.array([[0.9, 0.8], [0.2, 0.7], [0.6, 0.1]])
    wanted = np.array([[1.0, 1], [0, 1], [0, 0]])
    report = measure(Predictions(("a", "b"), np.arange(3), probabilities, wanted, multi_label=True))
    assert report["map"] == 1.0
    assert "confusion" not in report
    right = np.where(wanted > 0, probabilities, 1 - probabilities)
    assert report["loss"] == pytest.approx(-np.log(right).mean())


def test_labels_are_found_by_name_and_unknown_ones_refused(wide):
    entries = wide.index("train")
    wanted = wanted_classes(wide, entries, ("b", "c", "a"), multi_label=False)
    assert wanted.argmax(1).tolist() == [{0: 2, 1: 0}[label] for label in wide.label_indices[entries].tolist()]
    with pytest.raises(ValueError, match="the clips' class 'a' is none of the network's; allowed: b, c"):
        wanted_classes(wide, entries, ("b", "c"), multi_label=False)


def test_probabilities_are_the_mean_over_views(trained, config):
    member = read_member(trained)
    network = load_network(member)
    cache = FrameCache.open(cache_folder(config))
    both = predict_split(network, cache, "val", member.spec.clip, member.labels, views(2, 1), 5)
    single = [predict_split(network, cache, "val", member.spec.clip, member.labels, [view], 4) for view in views(2, 1)]
    expected = (single[0].probabilities + single[1].probabilities) / 2
    np.testing.assert_allclose(both.probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(both.probabilities.sum(1), 1)
    losses = [row["loss"] for row in worst(cache, both, 5)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == both.losses.max()


def test_a_stream_that_saw_the_whole_clip_is_as_accurate_as_the_clip(trained, config):
    member = read_member(trained)
    network, clip = load_network(member), member.spec.clip
    cache = FrameCache.open(cache_folder(config))
    whole = predict_split(network, cache, "val", clip, member.labels)
    accuracies = streaming_accuracy(network, cache, whole, clip, batch_size=5)
    assert len(accuracies) == 4
    assert accuracies[-1] == pytest.approx(measure(whole)["top1"])


def test_the_report_of_a_model_folder(trained, config):
    experiment, _ = load_experiment(config, ["evaluation.clips=2", "evaluation.crops=3"])
    report = evaluate_folder(experiment, trained, TrainingProgress())
    figures = json.loads((trained / "evaluation" / "evaluation.json").read_text())
    assert figures == report.figures
    assert figures["clips"] == 12
    low, high = figures["top1_interval"]
    assert 0 <= low <= figures["top1"] <= high <= 1
    assert f"top-1 {figures['top1']:.1%} ({low * 100:.1f}-{high * 100:.1f}), top-5 " in report.summary()
    assert len(figures["per_class"]) == 12
    assert len(figures["streaming"]) == 4
    assert len(figures["worst"]) == 3
    assert report.summary().startswith(f"{trained / 'evaluation'}: 12 clips of val: top-1 ")
    for name in ("confusion", "calibration", "streaming", "worst"):
        with Image.open(trained / "evaluation" / f"{name}.png") as picture:
            assert min(picture.size) > 300
            assert len(picture.convert("L").getcolors(256) or []) > 20


def test_weights_are_evaluated_without_training_if_their_head_is_kept(trained, config, tmp_path):
    changes = [f"network={trained}", f"weights={trained}", "head=keep", "evaluation.worst=0"]
    report = evaluate_folder(load_experiment(config, changes)[0], tmp_path / "m", TrainingProgress())
    same = evaluate_folder(load_experiment(config)[0], trained, TrainingProgress()).figures
    assert {name: report.figures[name] for name in ("top1", "loss")} == {name: same[name] for name in ("top1", "loss")}


def test_a_folder_without_a_model_needs_weights(config, tmp_path):
    with pytest.raises(
        ConfigError, match=r"no model.keras to evaluate; allowed: a trained --model_dir, or --set weights="
    ):
        evaluate_folder(load_experiment(config)[0], tmp_path / "m", TrainingProgress())
