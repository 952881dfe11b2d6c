"""A trained family member as a folder that needs nothing else: runs/<name>/family/<member>/."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from movinet.cost import network_cost
from movinet.data.batching.pipeline import make_view, views
from movinet.data.cache import FrameCache
from movinet.spec import spec_to_yaml
from search.evaluators.trained import Evaluation

METRICS_FILE = "metrics.json"
CLIPS = 8  # that the file for phones is compared on


def write_member(folder: Path, evaluation: Evaluation, cache: FrameCache) -> dict[str, Any]:
    """Writes spec.yaml, model.keras, labels.json, metrics.json and the file for phones, and returns the metrics.

    The folder is there as a whole or not at all. accuracy is that of the weights written, on the validation split.
    """
    labels, last = cache.labels, evaluation.measurements[-1]
    metrics = {
        "accuracy": last.val_accuracy,
        "best_accuracy": max(measured.val_accuracy for measured in evaluation.measurements),
        **asdict(network_cost(evaluation.spec, num_classes=len(labels))),
        "epochs": last.epoch,
        "measurements": [asdict(measured) for measured in evaluation.measurements],
        "times": evaluation.times,
        "seed": evaluation.settings.seed,
        "spec_id": evaluation.spec.id,
    }
    new = folder.with_name(f".{folder.name}-new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    (new / "spec.yaml").write_text(spec_to_yaml(evaluation.spec), encoding="utf-8")
    (new / "labels.json").write_text(json.dumps(list(labels), ensure_ascii=False, indent=1), encoding="utf-8")
    evaluation.model.save(new / "model.keras")
    metrics["litert"] = _export(new, evaluation, cache)
    (new / METRICS_FILE).write_text(json.dumps(metrics, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)  # one without metrics.json, if any
    os.replace(new, folder)
    return metrics


def _export(folder: Path, evaluation: Evaluation, cache: FrameCache) -> dict[str, Any]:
    """Writes stream.tflite (of a network of whole clips clip.tflite), manifest and runners: its name, or why not.

    It is proved on clips of the validation split.
    """
    from movinet.export.run import export
    from movinet.model import is_causal

    name, began = "stream.tflite" if is_causal(evaluation.model) else "clip.tflite", time.monotonic()
    clip, entries = evaluation.spec.clip, cache.index("val")
    shown = entries[np.linspace(0, len(entries) - 1, CLIPS).astype(int)]  # of several classes, which lie together
    try:
        clips = list(make_view(cache, shown, clip, *views()))
        report = export(evaluation.model, folder / name, clip=clip, labels=cache.labels, clips=clips)
    except Exception as error:  # whatever it is: the network is trained, and `export` can be called again
        return {"file": None, "reason": " ".join(f"{type(error).__name__}: {error}".split())}
    off = max(row["relative_error"] for row in report["agreement"])
    return {"file": name, "bytes": report["bytes"], "relative_error": off, "seconds": time.monotonic() - began}
