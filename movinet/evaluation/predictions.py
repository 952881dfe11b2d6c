"""How good a trained network is: one clip or several views of each video, each class, calibration, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from movinet.config.errors import InputError
from movinet.data.batching.pipeline import View, make_view
from movinet.data.cache import FrameCache
from movinet.data.sources.clip_set import SEPARATOR
from movinet.evaluation.intervals import Accuracy
from movinet.evaluation.metrics import average_precisions, calibration, confusion_matrix, top_k_accuracy
from movinet.machine.progress import CountOf
from movinet.models.answers import class_probabilities
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Predictions:
    """Of N clips: `entries` of the cache; probabilities and wanted, (N, classes); wanted is 1 for each right class."""

    classes: tuple[str, ...]
    entries: np.ndarray
    probabilities: np.ndarray
    wanted: np.ndarray
    multi_label: bool = False

    @property
    def losses(self) -> np.ndarray:
        """Cross-entropy of each clip (N,)."""
        right = np.log(np.maximum(self.probabilities, 1e-7))
        if not self.multi_label:
            return -(self.wanted * right).sum(1)
        wrong = np.log(np.maximum(1 - self.probabilities, 1e-7))
        return -(self.wanted * right + (1 - self.wanted) * wrong).mean(1)


def wanted_classes(cache: FrameCache, entries: np.ndarray, classes: Sequence[str], multi_label: bool) -> np.ndarray:
    """1 for each right class of each entry, (N, classes) float32. InputError for a label the network does not know."""
    rows = []
    for label in cache.labels:
        parts = [part.strip() for part in label.split(SEPARATOR)] if multi_label else [label]
        if unknown := sorted(set(parts) - set(classes)):
            raise InputError(
                f"{cache.folder}: the clips' class {unknown[0]!r} is none of the network's; "
                f"allowed: {', '.join(classes[:12])}{' ...' if len(classes) > 12 else ''}"
            )
        rows.append([name in parts for name in classes])
    return np.array(rows, np.float32)[cache.label_indices[entries]]


def predict_split(
    network: keras.Model,
    cache: FrameCache,
    split: str,
    clip: ClipSpec,
    classes: Sequence[str],
    views: Sequence[View] = (View(),),
    batch_size: int = 8,
    multi_label: bool = False,
    progress: CountOf | None = None,
) -> Predictions:
    """The network's probabilities for each clip of a split, the mean over its views. InputError where there is none."""
    import tensorflow as tf

    entries = cache.index(split)
    if not len(entries):
        raise InputError(f"{cache.folder}: no clips of split {split!r} to evaluate")
    wanted = wanted_classes(cache, entries, classes, multi_label)
    call = tf.function(lambda clips: network(clips, training=False), autograph=False)
    probabilities = np.zeros((len(entries), len(classes)))
    for first in range(0, len(entries), batch_size):
        chosen = entries[first : first + batch_size]
        for view in views:
            logits = call(_filled(make_view(cache, chosen, clip, view), batch_size))
            probabilities[first : first + batch_size] += class_probabilities(logits, multi_label)[: len(chosen)]
        if progress:
            progress("evaluating clips", first + len(chosen), len(entries))
    return Predictions(tuple(classes), entries, probabilities / len(views), wanted, multi_label)


def streaming_accuracy(
    network: keras.Model, cache: FrameCache, predictions: Predictions, clip: ClipSpec, batch_size: int = 8
) -> list[float]:
    """Top-1 accuracy after 1, 2 ... `clip.frames` frames of the centre clips, fed one by one to a causal network."""
    import tensorflow as tf

    from movinet.streaming import initial_states, stream_model

    stream = stream_model(network)
    step = tf.function(lambda inputs: stream(inputs, training=False), autograph=False)
    hits, wanted = np.zeros(clip.frames), predictions.wanted
    for first in range(0, len(wanted), batch_size):
        chosen = predictions.entries[first : first + batch_size]
        clips = _filled(make_view(cache, chosen, clip, View()), batch_size)
        states = initial_states(network, batch_size, clip.resolution)
        for frame in range(clip.frames):
            states = dict(step({**states, "image": clips[:, frame : frame + 1]}))
            best = np.asarray(states.pop("logits")).argmax(1)[: len(chosen)]
            hits[frame] += np.take_along_axis(wanted[first : first + batch_size], best[:, None], 1).sum()
    return (hits / len(wanted)).tolist()


def measure(predictions: Predictions) -> dict[str, Any]:
    """Plain numbers: top1 and top5, each with its 95 % interval, and loss; ece and the confusion matrix, or map.

    per_class: those of each class.
    """
    scores, wanted, classes = predictions.probabilities, predictions.wanted, predictions.classes
    report: dict[str, Any] = {
        "clips": len(scores),
        "top1": top_k_accuracy(scores, wanted, 1),
        "top5": top_k_accuracy(scores, wanted, 5),
        "loss": float(predictions.losses.mean()),
    }
    for name in ("top1", "top5"):
        report[f"{name}_interval"] = list(Accuracy(report[name], len(scores)).interval or ())
    counts = wanted.sum(0)
    if predictions.multi_label:
        precisions = average_precisions(scores, wanted)
        report["map"] = float(np.nanmean(precisions))
        columns = {"average_precision": precisions}
    else:
        labels, predicted = wanted.argmax(1), scores.argmax(1)
        matrix = confusion_matrix(predicted, labels, len(classes))
        right = np.diagonal(matrix)
        with np.errstate(invalid="ignore"):
            columns = {"accuracy": right / counts, "precision": right / matrix.sum(0)}
        report["mean_class_accuracy"] = float(np.nanmean(columns["accuracy"]))
        report["ece"] = calibration(scores, labels)[0]
        report["confusion"] = matrix.tolist()
    report["per_class"] = {
        name: {"clips": int(counts[index])} | {key: _number(values[index]) for key, values in columns.items()}
        for index, name in enumerate(classes)
    }
    return report


def worst(cache: FrameCache, predictions: Predictions, count: int) -> list[dict[str, Any]]:
    """The `count` clips of the greatest loss: entry, path, label, the likeliest class and its probability, the loss."""
    losses = predictions.losses
    rows = []
    for place in np.argsort(-losses, kind="stable")[:count]:
        entry, best = int(predictions.entries[place]), int(predictions.probabilities[place].argmax())
        rows.append(
            {
                "entry": entry,
                "path": cache.paths[entry],
                "label": cache.labels[cache.label_indices[entry]],
                "predicted": predictions.classes[best],
                "probability": float(predictions.probabilities[place, best]),
                "loss": float(losses[place]),
            }
        )
    return rows


def _filled(clips: np.ndarray, size: int) -> np.ndarray:
    """Up to a whole batch, since another batch size would be another graph."""
    return clips if len(clips) == size else np.resize(clips, (size, *clips.shape[1:]))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
