"""A clip that is a row of pictures, in a folder or a record, read as a video file is."""

from __future__ import annotations

import bisect
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from movinet.data.sources.clip_set import DEFAULT_FRAME_RATE, pictures
from movinet.data.video.file import VideoError


class ImageSequence:
    """Pictures (files, or JPEG or PNG bytes) with the moments, in seconds, at which each is shown.

    It has what `decode` needs of a VideoFile: frames in order, from the one on screen at a moment
    on; a picture that does not decode is left out and noted in `damage`.
    """

    pixel_aspect = 1.0

    def __init__(self, path: str | Path, images: Sequence[bytes | Path], times: Sequence[float], frame_seconds: float):
        self.path, self.images, self.times, self.frame_seconds = path, images, times, frame_seconds
        self.lost = 0
        self.codec = "none"

    @classmethod
    def of_folder(cls, folder: Path, frames_per_second: float | None = None) -> ImageSequence:
        """The pictures of a folder in natural order of their names, at a rate (default 25). Raises VideoError."""
        try:
            images = pictures(folder)
        except OSError as error:
            raise VideoError(folder, error.strerror or "cannot be read") from error
        step = 1 / (frames_per_second or DEFAULT_FRAME_RATE)
        return cls(folder, images, [number * step for number in range(len(images))], step)

    def __enter__(self) -> ImageSequence:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def reopened(self) -> ImageSequence:
        """The same, to be read once more."""
        return ImageSequence(self.path, self.images, self.times, self.frame_seconds)

    @property
    def seconds(self) -> float | None:
        """Until when the last picture is shown."""
        return self.times[-1] + self.frame_seconds if self.times else None

    @property
    def damage(self) -> str | None:
        """What was found broken so far, in a few words."""
        return f"damaged pictures: {self.lost}" if self.lost else None

    def frames(self, start: float = 0.0) -> Iterator[tuple[float, Any]]:
        """(seconds, frame) from the picture on screen at `start` on. Raises VideoError where none decodes."""
        first = max(0, bisect.bisect_right(self.times, start) - 1)
        none = True
        for time, image in zip(self.times[first:], self.images[first:], strict=True):
            try:
                frame = self._decoded(image)
            except (OSError, ValueError, SyntaxError):  # what Pillow raises for bytes that are no picture
                self.lost += 1
                continue
            none = False
            yield time, frame
        if none:
            raise VideoError(self.path, f"no picture decodes{f' ({self.damage})' if self.damage else ''}")

    def shown(self, _: Any) -> float:
        """Seconds for which a picture is shown; where times are uneven, the last one's."""
        return self.frame_seconds

    def _decoded(self, image: bytes | Path) -> Any:
        with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as picture:
            self.codec = (picture.format or "none").lower()
            return av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24")
