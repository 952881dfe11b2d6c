"""Training clips mixed in pairs, so that a label becomes shares of labels: mixup (arXiv:1710.09412) and cutmix
(arXiv:1905.04899, one box for all frames of a clip)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from movinet.config.errors import InputError


@dataclass(frozen=True)
class Mixing:
    """mixup, cutmix: alpha of the Beta distribution that shares are drawn from, 0 for none; with both, each batch is
    mixed in one way or the other.  share: of the batches that are mixed at all."""

    mixup: float = 0.2
    cutmix: float = 0.0
    share: float = 1.0

    def __post_init__(self):
        for name in ("mixup", "cutmix"):
            if not 0 <= getattr(self, name) <= 100:
                raise InputError(f"Mixing.{name}={getattr(self, name)!r} is not allowed; allowed: a number, 0 to 100")
        if not 0 <= self.share <= 1:
            raise InputError(f"Mixing.share={self.share!r} is not allowed; allowed: a number, 0 to 1")


def mix(
    clips: np.ndarray, labels: np.ndarray, num_labels: int, mixing: Mixing, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Clips (B, T, H, W, 3) mixed with each other, and the shares of each label in each, (B, num_labels) float32.

    labels: (B,) integers.  `clips` may be overwritten.
    """
    shares = np.eye(num_labels, dtype=np.float32)[labels]
    ways = [name for name in ("mixup", "cutmix") if getattr(mixing, name) > 0]
    if not ways or rng.random() >= mixing.share:
        return clips, shares
    way = ways[int(rng.integers(len(ways)))]
    partner = rng.permutation(len(clips))
    alpha = getattr(mixing, way)
    kept = float(rng.beta(alpha, alpha))  # of the clip itself
    if way == "mixup":
        clips = np.float32(kept) * clips + np.float32(1 - kept) * clips[partner]
    else:
        top, left, bottom, right = _box(clips.shape[2], clips.shape[3], 1 - kept, rng)
        clips[:, :, top:bottom, left:right] = clips[partner][:, :, top:bottom, left:right]
        kept = 1 - (bottom - top) * (right - left) / (clips.shape[2] * clips.shape[3])
    return clips, np.float32(kept) * shares + np.float32(1 - kept) * shares[partner]


def _box(height: int, width: int, area: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A box of about this share of the frame, of its aspect, centred anywhere; what lies outside is lost."""
    tall, wide = height * area**0.5, width * area**0.5
    middle_y, middle_x = rng.uniform(0, height), rng.uniform(0, width)
    top, left = max(0, round(middle_y - tall / 2)), max(0, round(middle_x - wide / 2))
    return top, left, min(height, round(middle_y + tall / 2)), min(width, round(middle_x + wide / 2))
