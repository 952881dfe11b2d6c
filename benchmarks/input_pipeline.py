"""Training batches from TFRecord shards: this project's pipeline, or Model Garden's video_input on the same files.

Ours decodes the shards once into the frame cache and makes every epoch's clips from it; Model Garden decodes the chosen
frames anew each epoch.  Clips a second by the wall clock and by processor time (all threads and processes), first of an
epoch that starts from the shards alone, libraries loaded, then of those after it.
    python -m movinet data reduce my_clips shards --format tfrecord --short-side 128
    python benchmarks/input_pipeline.py shards
    <a Python that has tf-models-official> benchmarks/input_pipeline.py shards --model-garden
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FRAMES, SIZE, BATCH, RATE, STRIDE = 8, 112, 8, 5.0, 5


def epochs_of_ours(shards: Path, epochs: int) -> Iterator[Any]:
    """Nothing, libraries loaded; then batches of each epoch, of which the first builds the cache."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from movinet.data.batching.augment import Augment
    from movinet.data.batching.pipeline import batches
    from movinet.data.cache import FrameCache
    from movinet.data.sources.source import read_source
    from movinet.spec import ClipSpec

    yield
    with tempfile.TemporaryDirectory() as folder:
        cache = None
        for epoch in range(epochs):
            cache = cache or FrameCache.build(
                read_source(shards), Path(folder) / "frames", round(1.25 * SIZE), 2 * RATE
            )
            clip = ClipSpec(FRAMES, SIZE, RATE)
            yield batches(cache, "train", clip, BATCH, epoch=epoch, augment=Augment(flip=True), drop_last=True)


def epochs_of_model_garden(shards: Path, epochs: int) -> Iterator[Any]:
    """Nothing, libraries loaded; then batches of each epoch, with the settings of its published recipe."""
    import tensorflow as tf  # tf-models-official's own
    from official.vision.configs import video_classification as configs  # pyright: ignore[reportMissingImports]
    from official.vision.dataloaders import (  # pyright: ignore[reportMissingImports]
        input_reader_factory,
        video_input,
    )

    count = sum(1 for file in sorted(shards.glob("train-*")) for _ in tf.data.TFRecordDataset(str(file)))
    yield
    params = configs.DataConfig(
        input_path=str(shards / "train-*"),
        feature_shape=(FRAMES, SIZE, SIZE, 3),
        temporal_stride=STRIDE,
        random_stride_range=1,
        num_classes=600,
        global_batch_size=BATCH,
        min_image_size=round(1.25 * SIZE),
        is_training=True,
    )
    reader = input_reader_factory.input_reader_generator(
        params,
        dataset_fn=tf.data.TFRecordDataset,
        decoder_fn=video_input.Decoder().decode,
        parser_fn=video_input.Parser(params).parse_fn(True),
        postprocess_fn=video_input.PostBatchProcessor(params),
    )
    forever = iter(reader.read())
    for _ in range(epochs):
        yield itertools.islice(forever, count // BATCH)


def main() -> None:
    """Prints clips a second of the first epoch and of the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="a folder of train-*.tfrecord")
    parser.add_argument("--model-garden", action="store_true")
    parser.add_argument("--epochs", type=int, default=8, help="after the first")
    options = parser.parse_args()
    epochs = (epochs_of_model_garden if options.model_garden else epochs_of_ours)(options.shards, options.epochs + 1)
    next(epochs)
    for name, count in {"first epoch": 1, "later epochs": options.epochs}.items():
        wall, processor = time.perf_counter(), sum(os.times()[:4])
        clips = sum(BATCH for epoch in itertools.islice(epochs, count) for _ in epoch)
        wall, processor = time.perf_counter() - wall, sum(os.times()[:4]) - processor
        print(f"{name}: {clips} clips, {clips / wall:.1f} a second, {clips / processor:.1f} a processor second")


if __name__ == "__main__":
    main()
