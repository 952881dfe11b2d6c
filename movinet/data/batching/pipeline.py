"""Batches of clips for training and evaluation, from the frame cache, in NumPy: any Keras backend takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from movinet.data.batching.augment import Augment, Draw, centre_box, draw
from movinet.data.batching.cut import cut
from movinet.data.batching.mixing import Mixing, mix
from movinet.data.batching.policy import auto_augment, rand_augment
from movinet.data.cache import FrameCache
from movinet.spec import ClipSpec

Batch = tuple[np.ndarray, np.ndarray]


def batches(*of: Any, ahead: int = 0, **options: Any) -> Iterator[Batch]:
    """One pass over a split, of the arguments of `batch_makers`: clips (B, T, S, S, 3) float32 in [0, 1] and labels.

    `ahead`: so many batches are made while the caller works on one, each on a thread of its own; worth it where cores
    are idle, as beside a GPU.
    """
    makers = batch_makers(*of, **options)
    return (make() for make in makers) if ahead < 1 else _made_ahead(makers, ahead)


def batch_makers(
    cache: FrameCache,
    split: str,
    clip: ClipSpec,
    batch_size: int,
    seed: int = 0,
    epoch: int = 0,
    augment: Augment | None = None,
    shuffle: bool | None = None,
    drop_last: bool | None = None,
    mixing: Mixing | None = None,
    first: int = 0,
    share: tuple[int, int] = (0, 1),
    together: Sequence[int] | None = None,
) -> list[Callable[[], Batch]]:
    """What makes each batch of a pass over a split, in order and in any thread; labels are (B,) int32.

    With `augment`, the order and each clip's variation are a function of (seed, epoch) and of the clip alone; without,
    the centre of video and frame.  The training split is shuffled and its incomplete last batch dropped, unless it is
    the only one; others come whole and in the cache's order.  `mixing`: labels are then shares, (B, labels) float32.
    `first`: the batch to begin with, as if those before it had been taken.  `share`: which part of each batch this is,
    of how many; clips are mixed within it.  `together`: how many whole batches each one makes, which are stacked in an
    axis before all others.
    """
    train = split == "train"
    order = cache.index(split)
    if train if shuffle is None else shuffle:
        order = np.random.default_rng((seed, epoch)).permutation(order)
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if (train if drop_last is None else drop_last) and len(groups) > 1 and len(groups[-1]) < batch_size:
        groups.pop()

    def make(chosen: np.ndarray) -> Batch:
        clips, labels = make_batch(cache, chosen, clip, seed, epoch, augment)
        if mixing is None:
            return clips, labels
        return mix(clips, labels, len(cache.labels), mixing, np.random.default_rng((seed, epoch, *chosen.tolist())))

    def make_several(several: Sequence[np.ndarray]) -> Batch:
        if mixing is not None:
            clips, labels = zip(*map(make, several), strict=True)
            return np.stack(clips), np.stack(labels)
        clips, labels = make(np.concatenate(several))  # a clip is a function of its entry alone: no batch is copied
        return clips.reshape(len(several), -1, *clips.shape[1:]), labels.reshape(len(several), -1)

    shares = [chosen[share[0] :: share[1]] for chosen in groups[first:]]
    if together is None:
        return [partial(make, chosen) for chosen in shares]
    ends = np.cumsum(together).tolist()
    return [partial(make_several, shares[end - count : end]) for end, count in zip(ends, together, strict=True)]


def _made_ahead(makers: Iterable[Callable[[], Batch]], ahead: int) -> Iterator[Batch]:
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(ahead) as pool:
        for make in makers:
            waiting.append(pool.submit(make))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def make_batch(
    cache: FrameCache, chosen: np.ndarray, clip: ClipSpec, seed: int = 0, epoch: int = 0, augment: Augment | None = None
) -> Batch:
    """The clips of the cache's entries `chosen`; see `batch_makers`."""
    size = clip.resolution
    out = np.empty((len(chosen), clip.frames, size, size, 3), np.float32)
    for place, entry in enumerate(chosen):
        frames = cache.frames(entry)
        rng = np.random.default_rng((seed, epoch, int(entry)))
        moments = frame_indices(len(frames), cache.frames_per_second, clip, augment, rng)
        height, width = frames.shape[1:3]
        variation = (
            Draw(centre_box(height, width))
            if augment is None
            else draw(augment, height, width, cache.labels[cache.label_indices[entry]], rng)
        )
        cut(frames, moments, variation, out[place])
        if augment is not None:
            np.clip(out[place], 0.0, 1.0, out=out[place])
            if augment.policy == "auto":
                out[place] = auto_augment(out[place], rng)
            elif augment.policy == "rand":
                out[place] = rand_augment(out[place], augment.operations, augment.magnitude, rng)
    return out, cache.label_indices[chosen]


@dataclass(frozen=True)
class View:
    """Where a clip is taken: shares, 0 to 1, of the room before it in time (moment) and, for crops of `crop_share` of
    the frame's shorter side, along the longer one (place)."""

    moment: float = 0.5
    place: float = 0.5
    crop_share: float = 1.0


def views(clips: int = 1, crops: int = 1, crop_share: float = 1.0) -> list[View]:
    """`clips` moments from the first to the last, each with `crops` places from one end of the frame to the other.

    One is the centre.  As Model Garden's num_test_clips and num_test_crops.
    """
    moments, places = (np.linspace(0, 1, count).tolist() if count > 1 else [0.5] for count in (clips, crops))
    return [View(moment, place, crop_share) for moment in moments for place in places]


def make_view(cache: FrameCache, chosen: np.ndarray, clip: ClipSpec, view: View) -> np.ndarray:
    """One view of each of the cache's entries `chosen`, (B, T, S, S, 3) float32 in [0, 1]."""
    out = np.empty((len(chosen), clip.frames, clip.resolution, clip.resolution, 3), np.float32)
    step = cache.frames_per_second / clip.frames_per_second
    for place, entry in enumerate(chosen):
        frames = cache.frames(entry)
        first = view.moment * max(0.0, len(frames) - clip.frames * step)
        moments = np.floor(first + np.arange(clip.frames) * step + 1e-6).astype(np.intp) % len(frames)
        height, width = frames.shape[1:3]
        side = view.crop_share * min(height, width)
        down, right = (0.5, view.place) if width >= height else (view.place, 0.5)
        cut(frames, moments, Draw(((height - side) * down, (width - side) * right, side, side)), out[place])
    return np.minimum(out, 1, out=out)  # resizing rounds white to a few bits more


def frame_indices(
    available: int, cached_rate: float, clip: ClipSpec, augment: Augment | None, rng: np.random.Generator
) -> np.ndarray:
    """Which of `available` frames, cached at `cached_rate` per second, a clip takes: those on screen at its moments.

    The clip's middle is the video's, or with a random offset anywhere it fits; a longer clip repeats the video.
    """
    step = cached_rate / clip.frames_per_second  # in cached frames
    if augment is not None and augment.speed != (1.0, 1.0):
        step *= rng.uniform(*augment.speed)
    steps = np.arange(clip.frames) * step
    if augment is not None and augment.time_offset:
        room = available - steps[-1]
        first = rng.uniform(0, room if room > 0 else available)
    else:
        first = max(0.0, (available - clip.frames * step) / 2)
    return np.floor(first + steps + 1e-6).astype(np.intp) % available
