"""One exported file in a process of its own, which holds NumPy and the runtime alone, as on a phone.

    python -m movinet.bench.deploy.runner '{"file": "x.tflite", "threads": 1, "runs": 100, "seconds": 30}'
    python -m movinet.bench.deploy.runner '{"file": "x.tflite", "threads": 1, "clips": ["a.npy", "b.npy"]}'

Calls it by the runner that was exported with it (x_runner.py), states and all.  Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from movinet.bench.peer.measure import peak_bytes, times
from movinet.export.formats.registry import FORMATS


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds until the first answer, of which the runtime's import is no part, and of each of `runs` calls."""
    file = Path(job["file"])
    runtime = next(format.runtime for format in FORMATS.values() if format.suffix == file.suffix) or ""
    import_module(runtime)
    libraries, began = peak_bytes(), time.perf_counter()
    video, frames = opened(file, job["threads"])
    video.push(frames)
    return {
        "load_ms": 1000 * (time.perf_counter() - began),
        "times_ms": times(lambda: video.push(frames), job["runs"], job["seconds"]),
        "peak_bytes": peak_bytes(),
        "libraries_bytes": libraries,
        "versions": {
            (package := runtime.partition(".")[0].replace("_", "-")): version(package),
            "numpy": np.__version__,
        },
    }


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """The likeliest class of each clip (T, S, S, 3), after its last frame."""
    video, frames = opened(Path(job["file"]), job["threads"])
    predicted = []
    for clip in map(np.load, job["clips"]):
        video.reset()
        calls = [video.push(part) for part in np.split(clip, len(clip) // len(frames))]
        predicted.append(int(calls[-1].argmax()))
    return {"predicted": predicted}


def opened(file: Path, threads: int) -> tuple[Any, np.ndarray]:
    """The file's own Runner, and frames for one call, the same for every file."""
    found: Any = spec_from_file_location("runner", file.with_name(f"{file.stem}_runner.py"))
    module: Any = module_from_spec(found)
    found.loader.exec_module(module)
    video = module.Runner(file.parent, threads=threads)
    image = video.manifest["image"]
    shape = (image["frames_per_call"], image["height"], image["width"], 3)
    return video, np.random.default_rng(0).random(shape, dtype=np.float32)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(predict(asked) if "clips" in asked else measure(asked)))
