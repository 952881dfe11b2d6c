"""Runs an exported network with NumPy and its runtime alone: python x_runner.py FRAMES.npy

FRAMES.npy: RGB frames (T, height, width, 3), uint8 or float in [0, 1], at the rate that the manifest tells.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE, MANIFEST = Path(__file__).parent, "model.json"


class Runner:
    """One video: `push` takes its frames one by one, or the whole clip where the network has no states.

    threads: how many the runtime computes with; 0 leaves it to the runtime.
    """

    def __init__(self, folder: Path = HERE, threads: int = 0):
        self.manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        file = str(folder / self.manifest["file"])
        if file.endswith(".onnx"):
            import onnxruntime  # pyright: ignore[reportMissingImports]

            options: Any = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            session: Any = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
            names: list[str] = [output.name for output in session.get_outputs()]
            self.call = lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))
        else:
            from ai_edge_litert.interpreter import Interpreter

            signature: Any = Interpreter(file, num_threads=threads or None).get_signature_runner()
            self.call = lambda inputs: signature(**inputs)
        self.reset()

    def reset(self):
        """Forgets all frames."""
        states = self.manifest["states"]
        self.states = {s["name"]: np.full(s["shape"], s["initial"], s["dtype"]) for s in states}

    def push(self, frames):
        """Frames as one call takes them -> logits (classes,) after the newest one."""
        image = self.manifest["image"]
        frames = np.asarray(frames)
        frames = frames / np.float32(255) if frames.dtype == np.uint8 else frames.astype(np.float32)
        given = {"image": frames.reshape(image["shape"]), **self.states}
        returned = self.call(given)
        for state in self.manifest["states"]:
            source = state["next"]
            self.states[state["name"]] = returned[source["output"]] if "output" in source else given[source["input"]]
        return returned[self.manifest["output"]["name"]][0]


def probabilities(logits, multi_label):
    """Of each class: all together are 1, or each is a yes or no of its own."""
    if multi_label:
        return 0.5 + 0.5 * np.tanh(logits / 2)  # exp(-logits) would overflow
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


if __name__ == "__main__":
    runner, video = Runner(), np.load(sys.argv[1])
    image, logits = runner.manifest["image"], None
    count = image["frames_per_call"]
    if len(video) < count or video.shape[1:] != tuple(image["shape"][-3:]):
        size = image["shape"][-3:]
        sys.exit(f"{sys.argv[1]}: {video.shape} is not allowed; allowed: {count} or more frames of {size}")
    for start in range(0, len(video) - count + 1, count):
        logits = runner.push(video[start : start + count])
    shares = probabilities(logits, runner.manifest["multi_label"])
    names = runner.manifest["labels"] or [f"class {index}" for index in range(len(shares))]
    for index in np.argsort(-shares)[:5]:
        print(f"{shares[index]:7.1%}  {names[index]}")
