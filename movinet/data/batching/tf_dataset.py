"""The pipeline as a tf.data.Dataset, for `Model.fit` and whatever else takes one."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from movinet.data.batching.pipeline import batch_makers
from movinet.data.cache import FrameCache
from movinet.spec import ClipSpec


def tf_dataset(
    cache: FrameCache,
    split: str,
    clip: ClipSpec,
    batch_size: int,
    parallel: int = 2,
    epoch: int = 0,
    epochs: int = 1,
    **options: Any,
) -> tf.data.Dataset:
    """`epochs` passes over a split from `epoch` on: the very batches of `batches` of the pipeline, in its order.

    clips (B, T, S, S, 3) float32 in [0, 1] and labels (B,) int32, or shares (B, labels) float32 with `mixing`.
    parallel: batches made at the same time.  options: those of `batch_makers`, such as seed, augment, mixing.
    """
    makers = [
        make
        for number in range(epoch, epoch + epochs)
        for make in batch_makers(cache, split, clip, batch_size, epoch=number, **options)
    ]
    mixed = options.get("mixing") is not None
    size = clip.resolution
    shapes = ((None, clip.frames, size, size, 3), (None, len(cache.labels)) if mixed else (None,))
    kinds = (tf.float32, tf.float32 if mixed else tf.int32)

    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        clips, labels = tf.numpy_function(lambda number: makers[number](), [index], kinds)
        return tf.ensure_shape(clips, shapes[0]), tf.ensure_shape(labels, shapes[1])

    dataset = tf.data.Dataset.range(len(makers)).map(load, num_parallel_calls=parallel, deterministic=True)
    return dataset.prefetch(1)
