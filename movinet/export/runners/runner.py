"""Runs an exported network with NumPy and its runtime alone: python x_runner.py FRAMES.npy

FRAMES.npy: RGB frames (T, height, width, 3), integers to 255 or float in [0, 1], at the rate that the manifest tells.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE, MANIFEST = Path(__file__).parent, "model.json"


class Runner:
    """One video: `push` takes its frames one by one, or the whole clip where the network has no states.

    States stay in the runtime's own tensors and are copied from one to the other: arrays made anew for each frame would
    cost more than the network's copies, where the allocator gives memory back to the system.
    threads: how many the runtime computes with; 0 leaves it to the runtime.
    """

    def __init__(self, folder: Path = HERE, threads: int = 0):
        self.manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        file = folder / self.manifest["file"]
        self.given, self.returned, self.invoke = (_onnx if file.suffix == ".onnx" else _litert)(str(file), threads)
        self.reset()

    def reset(self):
        """Forgets all frames."""
        for state in self.manifest["states"]:
            self.given(state["name"])[...] = state["initial"]

    def push(self, frames):
        """Frames as one call takes them -> logits (classes,) after the newest one."""
        frames, image = np.asarray(frames), self.given("image")
        image[...] = frames.reshape(image.shape)
        if frames.dtype.kind in "iu":
            image /= 255
        del image  # the runtime does not run while somebody looks into it
        self.invoke()
        for state in self.manifest["states"]:  # the oldest frame of a buffer first, which takes the next one's place
            source = state["next"]
            after = self.returned(source["output"]) if "output" in source else self.given(source["input"])
            self.given(state["name"])[...] = after
        return self.returned(self.manifest["output"]["name"])[0].copy()


def _litert(file, threads):
    """Functions: the tensor of an input by name, of an output by name, and the run of all."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(file, num_threads=threads or None)
    interpreter.allocate_tensors()
    signature = interpreter.get_signature_runner()
    details = signature.get_input_details(), signature.get_output_details()
    given, returned = ({name: interpreter.tensor(of["index"]) for name, of in each.items()} for each in details)
    return lambda name: given[name](), lambda name: returned[name](), interpreter.invoke


def _onnx(file, threads):
    import onnxruntime  # pyright: ignore[reportMissingImports]

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session: Any = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
    given = {each.name: np.zeros(each.shape, types[each.type]) for each in session.get_inputs()}
    names, returned = [each.name for each in session.get_outputs()], {}

    def invoke():
        returned.update(zip(names, session.run(names, given), strict=True))

    return given.__getitem__, returned.__getitem__, invoke


def probabilities(logits, multi_label):
    """Of each class: all together are 1, or each is a yes or no of its own."""
    if multi_label:
        return 0.5 + 0.5 * np.tanh(logits / 2)  # exp(-logits) would overflow
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
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
