"""A trained family member as a folder that needs nothing else: runs/<name>/family/<member>/."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from movinet.cost import network_cost
from movinet.data.batching.pipeline import make_view, views
from movinet.data.prepare import DataSettings
from movinet.experiment.settings import Experiment, experiment_to_yaml
from movinet.machine.files import whole
from movinet.training.classes import classes_of
from movinet.training.measurement import best_of
from movinet.training.model_folder import figures, write_description, write_metrics, write_weights
from movinet.training.training import Training
from results.record import score_of
from search.evaluators.trained import Trained

CLIPS = 8  # that the file for phones is compared on


def write_member(folder: Path, evaluation: Trained, data: DataSettings) -> dict[str, Any]:
    """Writes a model folder (`movinet.training.model_folder`) and the file for phones, and returns the metrics.

    The folder is there as a whole or not at all.  The weights are those of the best epoch on the validation split, and
    accuracy its `score_of`; where there is a test split, they are measured on it this once, as test_accuracy.
    data: where the clips came from, for config.yaml: the folder is an experiment that can be evaluated or repeated.
    """
    spec, settings, cache = evaluation.spec, evaluation.train, evaluation.training.cache
    classes, measured = classes_of(cache, settings), [asdict(each) for each in evaluation.measurements]
    best = best_of(measured)
    evaluation.turn_to_best()
    metrics = {
        **_on_test_split(evaluation.training),
        "accuracy": score_of(best),
        "best_accuracy": score_of(best),  # as it was called when accuracy was the last epoch's
        **figures(best),
        "val_clips": len(cache.index("val")),
        **asdict(network_cost(spec, num_classes=len(classes))),
        "epoch": best["epoch"],
        "epochs": measured[-1]["epoch"],
        "measurements": measured,
        "times": evaluation.times,
        "seed": settings.seed,
        "spec_id": spec.id,
    }
    experiment = Experiment(network=spec.to_dict(), data=data, train=settings)
    with whole(folder) as new:
        write_description(new, experiment_to_yaml(experiment), spec, classes)
        write_weights(new, evaluation.training)
        metrics["litert"] = _export(new, evaluation, classes)
        write_metrics(new, metrics)
    return metrics


def _on_test_split(training: Training) -> dict[str, Any]:
    """test_accuracy and test_clips, where there is such a split: top-1, or mAP where clips have several classes."""
    clips = len(training.cache.index("test"))
    if not clips:
        return {}
    score = training.evaluate("test")
    return {"test_accuracy": score.accuracy if score.map is None else score.map, "test_clips": clips}


def _export(folder: Path, evaluation: Trained, classes: tuple[str, ...]) -> dict[str, Any]:
    """Writes stream.tflite (of a network of whole clips clip.tflite), manifest and runners: its name, or why not.

    It holds the weights of model.keras, and is proved on clips of the validation split.
    """
    from movinet.export.run import export
    from movinet.model import is_causal

    model, clip, began = evaluation.training.model, evaluation.spec.clip, time.monotonic()
    name, cache = "stream.tflite" if is_causal(model) else "clip.tflite", evaluation.training.cache
    entries = cache.index("val")
    shown = entries[np.linspace(0, len(entries) - 1, CLIPS).astype(int)]  # of several classes, which lie together
    try:
        clips = list(make_view(cache, shown, clip, *views()))
        multi_label = evaluation.train.multi_label
        with evaluation.training.optimizer.averaged():
            report = export(model, folder / name, clip=clip, labels=classes, multi_label=multi_label, clips=clips)
    except Exception as error:  # whatever it is: the network is trained, and `export` can be called again
        return {"file": None, "reason": " ".join(f"{type(error).__name__}: {error}".split())}
    off = max(row["relative_error"] for row in report["agreement"])
    return {"file": name, "bytes": report["bytes"], "relative_error": off, "seconds": time.monotonic() - began}
