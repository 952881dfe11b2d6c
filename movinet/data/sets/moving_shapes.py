"""Moving shapes: real H.264 clips of a shape that moves, written in Kinetics layout, with labels known by construction.

A class is a shape together with a motion ("cross moving left"): neither a frame nor the motion alone tells it.  What
does not belong to it varies: colours, ground, clutter, noise, camera shake, size, speed, place, angle.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from movinet.config.errors import InputError
from movinet.data.sets.shape_drawing import HARD_LABELS, LABELS, draw
from movinet.machine.files import is_empty, write_whole
from movinet.machine.processes import in_processes
from movinet.machine.progress import Count

COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
MANIFEST = "moving_shapes.json"
VERSION = 6  # of the drawing: a change of it makes old folders be written anew


class MovingShapesError(InputError):
    """A setting is not allowed, or the folder belongs to somebody else."""


@dataclass(frozen=True)
class MovingShapes:
    """What is written: clips per class and split, seed, and the video's size, rate and length.

    One clip is `seconds` long and `resolution` x `resolution` pixels at `frames_per_second`.  hard: twice the classes,
    told apart by finer motions, beside something else that moves.  Without test_clips there is no split of that name;
    with them the other splits are the same clips.
    """

    train_clips: int = 130  # per class
    val_clips: int = 40  # per class
    seed: int = 0
    resolution: int = 64  # pixels
    frames_per_second: int = 12
    seconds: int = 2
    hard: bool = False
    test_clips: int = 0  # per class

    def __post_init__(self):
        lowest = {"train_clips": 1, "val_clips": 1, "test_clips": 0, "seed": 0}
        lowest |= {"resolution": 16, "frames_per_second": 1, "seconds": 1}
        for name, low in lowest.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise MovingShapesError(f"MovingShapes.{name}={value!r} is not allowed; allowed: an integer >= {low}")
        if self.resolution % 2:  # H.264 with 4:2:0 colours
            text = f"MovingShapes.resolution={self.resolution} is not allowed; allowed: an even number"
            raise MovingShapesError(text)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes."""
        return HARD_LABELS if self.hard else LABELS

    @property
    def name(self) -> str:
        """Of a folder that holds them, apart from those of other settings."""
        settings = [str(value) for name, value in _video(self).items() if name != "test_clips"]
        more = ["hard"] * self.hard + [f"test{self.test_clips}"] * (self.test_clips > 0)
        return "-".join(["moving_shapes", *settings, *more])

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
    folder: str | Path, shapes: MovingShapes | None = None, workers: int | None = None, progress: Count | None = None
) -> Path:
    """Writes the clips (`<label>/<id>_000000_000002.mp4`) and a list of each split, train.csv ..., into `folder`.

    What is already there and whole is kept, so a killed run goes on where it was and a finished one costs nothing.
    The same settings give the same pixels, and the same bytes with the same encoder. Returns the folder.
    Raises MovingShapesError where `folder` holds files that this function did not write.
    """
    shapes, folder = shapes or MovingShapes(), Path(folder)
    manifest = {"version": VERSION, "labels": list(shapes.labels), **_video(shapes)}
    scenes = _scenes(shapes)
    missing = [scene for scene in scenes if not (folder / clip_name(scene, shapes)).exists()]
    if not missing and _read_manifest(folder) == {**manifest, "complete": True}:
        return folder
    _claim(folder, manifest)
    written = in_processes(partial(_write_clip, shapes=shapes, folder=folder), missing, workers)
    for done, _ in enumerate(written, start=len(scenes) - len(missing) + 1):
        if progress:
            progress(done, len(scenes))
    for split, count in _counts(shapes).items():
        if count:
            write_whole(folder / f"{split}.csv", _table([scene for scene in scenes if scene.split == split], shapes))
        else:  # of other settings
            (folder / f"{split}.csv").unlink(missing_ok=True)
    _write_manifest(folder, manifest, complete=True)
    return folder


def clip_id(scene: Scene, shapes: MovingShapes) -> str:
    """Eleven characters, as YouTube's: a hash of all that the pixels depend on."""
    drawn = (VERSION, shapes.seed, shapes.resolution, shapes.frames_per_second, shapes.seconds, scene)
    text = repr((*drawn, "hard") if shapes.hard else drawn)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())[:11].decode()


def clip_name(scene: Scene, shapes: MovingShapes) -> str:
    """Path inside the folder, as the Kinetics downloaders name a clip: label, id, start and end in seconds."""
    return f"{scene.label}/{clip_id(scene, shapes)}_{0:06d}_{shapes.seconds:06d}.mp4"


def frames_of(scene: Scene, shapes: MovingShapes) -> np.ndarray:
    """The scene's frames, uint8 (frames, resolution, resolution, 3); the same for the same arguments."""
    seed = hashlib.sha256(clip_id(scene, shapes).encode()).digest()
    times = np.arange(shapes.frames, dtype=np.float32) / shapes.frames_per_second - shapes.seconds / 2
    rng = np.random.default_rng(np.frombuffer(seed, np.uint32))
    return draw(scene.label, times, shapes.resolution, rng, distracted=shapes.hard)


def _write_clip(scene: Scene, shapes: MovingShapes, folder: Path) -> None:
    """Draws and encodes one clip; the file appears under its name only when it is whole."""
    from movinet.data.video.encode import mp4  # here, so that labels and settings need no video library

    content = mp4(frames_of(scene, shapes), shapes.frames_per_second)
    write_whole(folder / clip_name(scene, shapes), content, sync=False)


def _counts(shapes: MovingShapes) -> dict[str, int]:
    """Clips per class of each split."""
    return {"train": shapes.train_clips, "val": shapes.val_clips, "test": shapes.test_clips}


def _scenes(shapes: MovingShapes) -> list[Scene]:
    counts = _counts(shapes).items()
    return [
        Scene(label, split, number) for split, count in counts for label in shapes.labels for number in range(count)
    ]


def _video(shapes: MovingShapes) -> dict[str, int]:
    """What a manifest says of them; older folders, without a test split, are still right.

    Which are hard is told by the classes.
    """
    settings = asdict(shapes)
    del settings["hard"]
    return settings if shapes.test_clips else {name: value for name, value in settings.items() if name != "test_clips"}


def _claim(folder: Path, manifest: dict) -> None:
    """Makes the folder ours, and empty of clips that were written with other settings."""
    there = _read_manifest(folder)
    if there is None and not is_empty(folder):
        raise MovingShapesError(f"{folder} is not empty and holds no {MANIFEST}; allowed: a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    if there is not None and {**there, "complete": False} != {**manifest, "complete": False}:
        for label in there["labels"]:
            for path in (folder / label).glob("*.mp4"):
                path.unlink()
    _write_manifest(folder, manifest, complete=False)


def _read_manifest(folder: Path) -> dict | None:
    path = folder / MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _table(scenes: list[Scene], shapes: MovingShapes) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows((s.label, clip_id(s, shapes), 0, shapes.seconds, s.split) for s in scenes)
    return text.getvalue()


def _write_manifest(folder: Path, manifest: dict, complete: bool) -> None:
    write_whole(folder / MANIFEST, json.dumps({**manifest, "complete": complete}, indent=1) + "\n")
