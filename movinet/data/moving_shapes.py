"""Moving shapes: real H.264 clips of a shape that moves, written in Kinetics layout, with labels known by construction.

A class is a shape together with a motion ("cross moving left").  Every shape makes every motion, equally often, in the
same places, sizes, angles and colours: who sees one frame knows the shape at best, who sees the motion alone knows the
motion at best.  What does not belong to the class varies: colours, ground, clutter, noise, camera shake, size, speed,
place, angle, phase.  NumPy and PyAV only.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import math
import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

SHAPES = ("bar", "cross", "triangle")
MOTIONS = ("moving left", "moving right", "growing", "spinning")
LABELS = tuple(f"{shape} {motion}" for shape in SHAPES for motion in MOTIONS)
COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
MANIFEST = "moving_shapes.json"
VERSION = 1  # of the drawing: a change of it makes old folders be written anew

Progress = Callable[[int, int], None]  # (clips done, clips in all)


class MovingShapesError(ValueError):
    """A setting is not allowed, or the folder belongs to somebody else."""


@dataclass(frozen=True)
class MovingShapes:
    """What is written: clips per class and split, seed, and the video's size, rate and length.

    One clip is `seconds` long and `resolution` x `resolution` pixels at `frames_per_second`.
    """

    train_clips: int = 130  # per class
    val_clips: int = 40  # per class
    seed: int = 0
    resolution: int = 64  # pixels
    frames_per_second: int = 12
    seconds: int = 2

    def __post_init__(self):
        lowest = {"train_clips": 1, "val_clips": 1, "seed": 0, "resolution": 16, "frames_per_second": 1, "seconds": 1}
        for name, low in lowest.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise MovingShapesError(f"{name}={value!r} is not allowed; allowed: an integer >= {low}")
        if self.resolution % 2:
            raise MovingShapesError(f"resolution={self.resolution} is not allowed; allowed: an even number (H.264)")

    @property
    def frames(self) -> int:
        """Frames in a clip."""
        return self.frames_per_second * self.seconds


@dataclass(frozen=True)
class Scene:
    """One clip to draw: its class and split, and which of these it is."""

    label: str
    split: str
    number: int


def synthesize(
    folder: str | Path, shapes: MovingShapes | None = None, workers: int | None = None, progress: Progress | None = None
) -> Path:
    """Writes the clips, train.csv and val.csv into `folder` (`<label>/<id>_000000_000002.mp4`); returns the folder.

    What is already there and whole is kept, so a killed run goes on where it was and a finished one costs nothing.
    The same settings give the same pixels, and the same bytes with the same encoder.
    Raises MovingShapesError where `folder` holds files that this function did not write.
    """
    shapes, folder = shapes or MovingShapes(), Path(folder)
    manifest = {"version": VERSION, "labels": list(LABELS), **asdict(shapes)}
    if _read_manifest(folder) == {**manifest, "complete": True}:
        return folder
    _claim(folder, manifest)
    scenes = _scenes(shapes)
    missing = [scene for scene in scenes if not (folder / clip_name(scene, shapes)).exists()]
    for done, _ in enumerate(_write_all(missing, shapes, folder, workers), start=len(scenes) - len(missing) + 1):
        if progress:
            progress(done, len(scenes))
    for split in ("train", "val"):
        _write_table(folder / f"{split}.csv", [scene for scene in scenes if scene.split == split], shapes)
    _write_text(folder / MANIFEST, json.dumps({**manifest, "complete": True}, indent=1))
    return folder


def clip_id(scene: Scene, shapes: MovingShapes) -> str:
    """Eleven characters, as YouTube's: a hash of all that the pixels depend on."""
    text = repr((VERSION, shapes.seed, shapes.resolution, shapes.frames_per_second, shapes.seconds, scene))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())[:11].decode()


def clip_name(scene: Scene, shapes: MovingShapes) -> str:
    """Path inside the folder, as the Kinetics downloaders name a clip: label, id, start and end in seconds."""
    return f"{scene.label}/{clip_id(scene, shapes)}_{0:06d}_{shapes.seconds:06d}.mp4"


def draw(scene: Scene, shapes: MovingShapes) -> np.ndarray:
    """The scene's frames, (frames, resolution, resolution, 3) uint8; the same for the same arguments."""
    key = hashlib.sha256(clip_id(scene, shapes).encode()).digest()
    rng = np.random.default_rng(np.frombuffer(key, np.uint32))
    shape, motion = scene.label.split(" ", 1)
    times = np.arange(shapes.frames, dtype=np.float32) / shapes.frames_per_second - shapes.seconds / 2
    size = shapes.resolution
    shake = rng.standard_normal((2, shapes.frames, 1, 1), np.float32) * np.float32(rng.uniform(0, 0.008))  # in widths
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    x, y = axis + shake[0], axis[:, None] + shake[1]  # (frames, 1, size), (frames, size, 1)
    ground, paint = _colours(rng)
    slope = rng.uniform(-0.25, 0.25, 2).astype(np.float32)
    shade = 1 + slope[0] * x + slope[1] * y  # (frames, size, size): how light the ground is
    for _ in range(rng.integers(2, 6)):
        shade = _clutter(shade, x, y, rng)
    cover = _cover(shape, x, y, *_path(motion, times, rng), size)
    canvas = ground * shade[..., None]
    canvas += cover[..., None] * (paint - canvas)
    canvas += rng.standard_normal(canvas.shape, np.float32) * np.float32(rng.uniform(0, 0.04))
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def _path(motion: str, times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Place (x, y), radius (all in picture widths) and angle of the shape at each time (seconds from the middle)."""
    x, y = rng.uniform(-0.12, 0.12, 2)
    radius, angle = rng.uniform(0.15, 0.24), rng.uniform(0, 2 * np.pi)
    still = np.zeros_like(times)
    if motion.startswith("moving"):
        speed = rng.uniform(0.12, 0.32) * (-1 if motion == "moving left" else 1)
        return x + speed * times, y + still, radius + still, angle + still
    if motion == "growing":
        rate = rng.uniform(0.35, 0.7)  # e-folds per second
        return x + still, y + still, radius * np.exp(rate * times), angle + still
    turn = rng.choice((-1, 1)) * rng.uniform(0.25, 0.6) * 2 * np.pi
    return x + still, y + still, radius + still, angle + turn * times


def _cover(shape: str, x, y, centre_x, centre_y, radius, angle, size: int) -> np.ndarray:
    """How much of each pixel the shape covers, (frames, size, size) in [0, 1]: smooth over one pixel at the edge."""
    centre_x, centre_y, radius, cos, sin = (
        np.asarray(values, np.float32)[:, None, None]
        for values in (centre_x, centre_y, radius, np.cos(angle), np.sin(angle))
    )
    x, y = _turned((x - centre_x) / radius, (y - centre_y) / radius, cos, sin)
    return np.clip(0.5 - DISTANCES[shape](x, y) * (radius * size), 0, 1)


def _rectangle(x, y, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _cross(x, y) -> np.ndarray:
    return np.minimum(_rectangle(x, y, 1.0, 0.3), _rectangle(x, y, 0.3, 1.0))


def _triangle(x, y) -> np.ndarray:
    return np.maximum(np.abs(x) * (3**0.5 / 2) + y * 0.5, -y) - 0.62


# Signed distance from the edge (< 0 inside) in radii; the shapes' areas are alike, so that size tells nothing.
DISTANCES = {"bar": partial(_rectangle, half_width=1.0, half_height=0.5), "cross": _cross, "triangle": _triangle}


def _colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """RGB of a ground and of a shape that is clearly lighter, each of any hue."""
    ground, paint = rng.uniform(0.3, 1, (2, 3)).astype(np.float32)
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    dark = rng.uniform(0.08, 0.3)
    return ground * (dark / (ground @ luma)), np.minimum(paint * (dark + rng.uniform(0.3, 0.5)) / (paint @ luma), 1)


def _clutter(shade, x, y, rng: np.random.Generator) -> np.ndarray:
    """The ground's shade with one small stick that does not move, lighter or darker than the ground."""
    place_x, place_y, angle = map(float, rng.uniform((-0.5, -0.5, 0), (0.5, 0.5, np.pi)))
    half_length, half_width, tone = map(float, rng.uniform((0.03, 0.01, 0.5), (0.12, 0.03, 2.0)))
    along, across = _turned(x - place_x, y - place_y, math.cos(angle), math.sin(angle))
    cover = np.clip(0.5 - _rectangle(along, across, half_length, half_width) * shade.shape[-1], 0, 1)
    return shade + cover * (tone - shade)


def _turned(x, y, cos, sin) -> tuple[np.ndarray, np.ndarray]:
    return x * cos + y * sin, y * cos - x * sin


def _write_clip(scene: Scene, shapes: MovingShapes, folder: Path) -> None:
    """Draws and encodes one clip; the file appears under its name only when it is whole."""
    import av  # here, so that labels and settings need no video library

    path = folder / clip_name(scene, shapes)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    with av.open(str(part), "w", format="mp4") as container:
        options = {"preset": "veryfast", "crf": "20", "threads": "1"}  # one thread: the same bytes each time
        stream = container.add_stream("libx264", rate=shapes.frames_per_second, options=options)
        stream.width = stream.height = shapes.resolution
        stream.pix_fmt = "yuv420p"
        for frame in draw(scene, shapes):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    os.replace(part, path)


def _write_all(scenes: list[Scene], shapes: MovingShapes, folder: Path, workers: int | None) -> Iterable[None]:
    write = partial(_write_clip, shapes=shapes, folder=folder)
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1 or len(scenes) < 2 * workers:
        yield from map(write, scenes)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(write, scenes, chunksize=8)


def _scenes(shapes: MovingShapes) -> list[Scene]:
    counts = {"train": shapes.train_clips, "val": shapes.val_clips}
    return [Scene(label, split, n) for split, count in counts.items() for label in LABELS for n in range(count)]


def _claim(folder: Path, manifest: dict) -> None:
    """Makes the folder ours, and empty of clips that were written with other settings."""
    there = _read_manifest(folder)
    if there is None and folder.exists() and any(folder.iterdir()):
        raise MovingShapesError(f"{folder} is not empty and holds no {MANIFEST}; allowed: a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    if there is not None and {**there, "complete": False} != {**manifest, "complete": False}:
        for label in there["labels"]:
            for path in (folder / label).glob("*.mp4"):
                path.unlink()
    _write_text(folder / MANIFEST, json.dumps({**manifest, "complete": False}, indent=1))


def _read_manifest(folder: Path) -> dict | None:
    path = folder / MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _write_table(path: Path, scenes: list[Scene], shapes: MovingShapes) -> None:
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows((s.label, clip_id(s, shapes), 0, shapes.seconds, s.split) for s in scenes)
    os.replace(part, path)


def _write_text(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    os.replace(part, path)
