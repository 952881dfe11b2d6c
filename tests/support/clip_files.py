"""Small real video files for tests."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICKS = 1000  # per second


def numbered_frames(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frames that tell their number when decoded: tens by the grey of the left half, units by that of the right."""
    frames = np.empty((count, height, width, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[:, : width // 2], frame[:, width // 2 :] = 20 + 20 * (number // 10), 20 + 20 * (number % 10)
    return frames


def numbers(frames: np.ndarray) -> list[int]:
    """The numbers that `numbered_frames` wrote, of frames (T, H, W, 3) in [0, 255]."""
    middle = frames.shape[2] // 2
    tens, units = frames[:, :, : middle - 1].mean((1, 2, 3)), frames[:, :, middle + 1 :].mean((1, 2, 3))
    return [10 * round((ten - 20) / 20) + round((unit - 20) / 20) for ten, unit in zip(tens, units, strict=True)]


def write_video(path: Path, frames: np.ndarray, times: list[float] | float = 10.0, codec: str = "libx264") -> Path:
    """`times`: frames per second, or the presentation time of each frame in seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    moments = [k / times for k in range(len(frames))] if isinstance(times, (int, float)) else times
    rate = Fraction(times).limit_denominator(1000) if isinstance(times, (int, float)) else 25
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options={"crf": "1"} if codec == "libx264" else {})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS) if codec == "libx264" else Fraction(1, 1) / rate
        for number, (image, moment) in enumerate(zip(frames, moments, strict=True)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts = round(moment * TICKS) if codec == "libx264" else number
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
