"""What `predict` says: lines for people, or JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Classes = list[tuple[str, float]]


@dataclass(frozen=True)
class ReportLine:
    """One line about a video: its classes, or why there are none (`error`).

    seconds, frame: of an answer while a video goes on; dropped: frames so far that were not looked at.
    notes: what is worth knowing of the video.
    """

    video: str
    classes: Classes = field(default_factory=list)
    error: str | None = None
    seconds: float | None = None
    frame: int | None = None
    dropped: int = 0
    notes: tuple[str, ...] = ()

    def as_json(self) -> str:
        """{"video", "classes": [{"label", "probability"}]}, with "seconds", "frame", "dropped", "notes" or "error"."""
        if self.error is not None:
            return json.dumps({"video": self.video, "error": self.error}, ensure_ascii=False)
        data: dict[str, Any] = {"video": self.video}
        if self.seconds is not None:
            data |= {"seconds": round(self.seconds, 3), "frame": self.frame}
            data |= {"dropped": self.dropped} if self.dropped else {}
        data["classes"] = [{"label": label, "probability": round(share, 6)} for label, share in self.classes]
        return json.dumps(data | ({"notes": self.notes} if self.notes else {}), ensure_ascii=False)

    def as_line(self, named: bool) -> str:
        """One line, with the video's name where `named`."""
        parts = [f"{self.video}:"] if named else []
        if self.error is not None:
            return " ".join([*parts, f"error: {self.error}"])
        if self.seconds is not None:
            parts.append(f"{self.seconds:8.2f} s ")
        return " ".join([*parts, ", ".join(f"{share:.1%} {label}" for label, share in self.classes) or "nothing"])

    def as_table(self) -> str:
        """A line per class."""
        return "\n".join(f"{share:7.1%}  {label}" for label, share in self.classes) or "nothing"
