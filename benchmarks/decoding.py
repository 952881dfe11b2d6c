"""How fast are clips decoded?  read_frames beside a bare PyAV loop: 16 frames over the clip's length, shorter side 112.

One process, one thread, the two in turn on each clip; processor time, so that other work on the machine matters little.
    python benchmarks/decoding.py my_clips --clips 100
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from movinet.data.sets.check import inspect_clip
from movinet.data.sources.source import read_source
from movinet.data.video.frames import read_frames

FRAMES, SIDE, ROUNDS = 16, 112, 3
REFORMATTER = VideoReformatter()


def ours(path: Path, times: Sequence[float]) -> np.ndarray:
    """The frames on screen at these moments."""
    return read_frames(path, times=times, short_side=SIDE)


def bare(path: Path, times: Sequence[float]) -> np.ndarray:
    """The same for files where nothing is odd: no rotation, no damage, times that start at 0."""
    images, wanted, last = [], 0, None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        for frame in container.decode(stream):
            while wanted < len(times) and last is not None and times[wanted] < frame.time - 0.002:
                images.append(rgb(last))
                wanted += 1
            if wanted == len(times):
                break
            last = frame
    assert last is not None
    images += [rgb(last)] * (len(times) - wanted)
    return np.stack(images)


def rgb(frame: av.VideoFrame) -> np.ndarray:
    """A frame as an array, reduced."""
    scale = min(1.0, SIDE / min(frame.width, frame.height))
    size = round(frame.width * scale), round(frame.height * scale)
    return REFORMATTER.reformat(frame, *size, format="rgb24", interpolation="AREA", threads=1).to_ndarray()


def seconds(decode: Callable[[Path, Sequence[float]], np.ndarray], path: Path, times: Sequence[float]) -> float:
    """Processor seconds of one call."""
    begun = time.process_time()
    decode(path, times)
    return time.process_time() - begun


def main() -> None:
    """Prints clips per second of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="clips, as for `python -m movinet data`")
    parser.add_argument("--clips", type=int, default=100)
    options = parser.parse_args()
    chosen = []
    for clip in read_source(options.source).clips[: options.clips]:
        facts = inspect_clip(clip)
        if facts.problem is None and facts.seconds:
            chosen.append((clip.path, [facts.seconds * k / FRAMES for k in range(FRAMES)]))
    spent = {ours: 0.0, bare: 0.0}
    for _ in range(ROUNDS):
        for path, times in chosen:
            for decode in spent:
                spent[decode] += seconds(decode, path, times)
    rates = {decode.__name__: ROUNDS * len(chosen) / total for decode, total in spent.items()}
    print(
        f"{len(chosen)} clips, {ROUNDS} rounds, clips a second: {rates['ours']:.1f} ours, {rates['bare']:.1f} bare PyAV"
    )
    same = sum(np.array_equal(ours(*clip), bare(*clip)) for clip in chosen)
    print(f"the same pixels in {same} clips; ratio {rates['ours'] / rates['bare']:.2f}")


if __name__ == "__main__":
    main()
