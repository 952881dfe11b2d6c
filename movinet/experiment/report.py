"""Evaluates a model folder: numbers as JSON, pictures, one line for the terminal; all in its folder evaluation/."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movinet.config.typed import ConfigError
from movinet.data.batching.pipeline import views
from movinet.evaluation import pictures
from movinet.evaluation.intervals import Accuracy
from movinet.evaluation.metrics import calibration
from movinet.evaluation.predictions import Predictions, measure, predict_split, streaming_accuracy, worst
from movinet.experiment.session import clips_for, network
from movinet.experiment.settings import Experiment
from movinet.machine.files import write_whole
from movinet.machine.progress import Progress
from movinet.models.folder import load_network, read_member
from movinet.spec import ClipSpec, MovinetSpec
from movinet.training.classes import classes_of
from movinet.training.model_folder import MODEL

if TYPE_CHECKING:
    import keras

    from movinet.data.cache import FrameCache

FOLDER, FILE = "evaluation", "evaluation.json"


@dataclass(frozen=True)
class EvaluationReport:
    """What evaluation.json holds, and where it lies."""

    folder: Path
    figures: dict[str, Any]

    def summary(self) -> str:
        """One line; what is a share of clips with its 95 % interval."""
        named = {"top1": "top-1", "top5": "top-5", "map": "mAP", "mean_class_accuracy": "mean of classes"}
        parts = [f"{text} {self._accuracy(name)}" for name, text in named.items() if name in self.figures]
        if "ece" in self.figures:
            parts.append(f"calibration error {self.figures['ece']:.3f}")
        return f"{self.folder}: {self.figures['clips']} clips of {self.figures['split']}: {', '.join(parts)}"

    def _accuracy(self, name: str) -> Accuracy:
        return Accuracy(self.figures[name], self.figures["clips"] if f"{name}_interval" in self.figures else None)


def evaluate_folder(experiment: Experiment, folder: str | Path, progress: Progress) -> EvaluationReport:
    """Measures the folder's model or, where there is none yet, the network of the experiment's own weights.

    Raises ConfigError, MemberError, CheckpointError, SourceError and InputError for bad input.
    """
    folder, settings = Path(folder), experiment.evaluation
    cache = clips_for(experiment, progress)
    model, spec, classes = _network(experiment, folder, classes_of(cache, experiment.train))
    clip = spec.clip
    each = views(settings.clips, settings.crops, settings.crop_share)
    multi_label = experiment.train.multi_label
    predictions = predict_split(
        model, cache, settings.split, clip, classes, each, settings.batch_size, multi_label, progress.count
    )
    figures = {"split": settings.split, "views": {"clips": settings.clips, "crops": settings.crops}}
    figures |= measure(predictions)
    if settings.streaming and spec.causal:
        accuracies = streaming_accuracy(model, cache, predictions, clip, settings.batch_size)
        figures["streaming"] = [
            {"frames": count, "seconds": count / clip.frames_per_second, "top1": accuracy}
            for count, accuracy in enumerate(accuracies, 1)
        ]
    figures["worst"] = worst(cache, predictions, settings.worst)
    out = folder / FOLDER
    _draw(out, cache, predictions, figures, clip)
    write_whole(out / FILE, json.dumps(figures, indent=1, ensure_ascii=False))
    return EvaluationReport(out, figures)


def _network(
    experiment: Experiment, folder: Path, classes: tuple[str, ...]
) -> tuple[keras.Model, MovinetSpec, tuple[str, ...]]:
    if (folder / MODEL).is_file():
        member = read_member(folder)
        return load_network(member), member.spec, member.labels
    if not experiment.weights or experiment.head != "keep":
        raise ConfigError(
            f"{folder}: no {MODEL} to evaluate; allowed: a trained --model_dir, or --set weights=CHECKPOINT head=keep"
        )
    spec = experiment.spec()
    return network(experiment, spec, len(classes)), spec, classes


def _draw(out: Path, cache: FrameCache, predictions: Predictions, figures: dict[str, Any], clip: ClipSpec) -> None:
    import numpy as np

    if "confusion" in figures:
        pictures.confusion(np.array(figures["confusion"]), predictions.classes, out / "confusion.png")
        error, bins = calibration(predictions.probabilities, predictions.wanted.argmax(1))
        pictures.reliability(bins, error, out / "calibration.png")
    if "streaming" in figures:
        pictures.over_frames([row["top1"] for row in figures["streaming"]], clip, out / "streaming.png")
    if figures["worst"]:
        pictures.worst_clips(cache, figures["worst"], clip, out / "worst.png")
