"""What is exported, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from movinet.export.signature import Signature, clip_signature, frame_signature, stream_signature
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Job:
    """What is exported, and how."""

    model: keras.Model
    format: str
    quantize: str | None
    streams: bool
    rank4: bool
    fixed: bool
    clip: ClipSpec
    labels: tuple[str, ...] | None
    multi_label: bool
    at_frames: tuple[int, ...]

    def signature(self) -> Signature:
        """How the file is called."""
        int8 = self.quantize == "int8"
        if self.whole_clips:
            return clip_signature(self.model, self.clip, int8)
        return (frame_signature if self.rank4 else stream_signature)(self.model, self.clip.resolution, int8)

    @property
    def whole_clips(self) -> bool:
        """Whether a call takes a clip. A .keras file is the network as it is; `stream_model` makes a stream of it."""
        return not self.streams or self.format == "keras"
