"""Clips as TFRecord SequenceExamples: TensorFlow's own reader and writer are the measure."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from movinet.data.cache import FrameCache
from movinet.data.sets.check import inspect, report
from movinet.data.sources.clip_set import SourceError
from movinet.data.sources.source import read_source
from movinet.data.sources.tfrecord import TFRecordError, crc32c, framed, parse, serialize
from movinet.data.video.file import VideoError
from movinet.data.video.frames import decode
from movinet.data.video.records import clip_record, open_record
from tests.support.clip_files import numbered_frames, numbers

RATE = 10.0
ENCODED, INDEX = "image/encoded", "clip/label/index"


def record(frames: np.ndarray, label: str, index: int, key: str = "clip") -> bytes:
    return clip_record(frames, [k / RATE for k in range(len(frames))], RATE, label, index, key, quality=95)


def write_shard(path: Path, *payloads: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(framed, payloads)))
    return path


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    """Eight clips of 20 frames and two classes in three shards; clip k begins with frame k."""
    root = tmp_path_factory.mktemp("shards")
    clips = [record(numbered_frames(20 + k)[k:], "ab"[k % 2], k % 2, f"clip{k}") for k in range(8)]
    write_shard(root / "train-00000-of-00002.tfrecord", *clips[:3])
    write_shard(root / "train-00001-of-00002.tfrecord", *clips[3:6])
    write_shard(root / "val-00000-of-00001.tfrecord", *clips[6:])
    return root


def test_the_checksum_is_the_published_one():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    for length in (1024, 1025, 4096, 70001):  # one lane, two, many: all as byte by byte
        data = np.random.default_rng(length).bytes(length)
        register = 0xFFFFFFFF
        for byte in data:
            register ^= byte
            for _ in range(8):
                register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
        assert crc32c(data) == register ^ 0xFFFFFFFF


values = st.one_of(
    st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=3),
)


@given(st.dictionaries(st.text(max_size=9), values), st.dictionaries(st.text(max_size=9), st.lists(values, max_size=3)))
def test_what_is_serialized_parses_to_itself(context, lists):
    assert parse(serialize(context, lists)) == (context, lists)


@given(st.binary(max_size=60))
def test_any_bytes_parse_or_are_refused(data):
    with contextlib.suppress(TFRecordError):  # no other error, no endless loop
        parse(data)


def test_tensorflow_reads_what_is_written_here(shards):
    import tensorflow as tf

    files, clips = sorted(str(file) for file in shards.iterdir()), read_source(shards).clips
    context = {INDEX: tf.io.VarLenFeature(tf.int64), "clip/label/string": tf.io.FixedLenFeature([], tf.string)}
    lists = {
        ENCODED: tf.io.FixedLenSequenceFeature([], tf.string),
        "image/timestamp": tf.io.FixedLenSequenceFeature([], tf.int64),
    }
    for k, payload in enumerate(tf.data.TFRecordDataset(files)):
        found, rows = tf.io.parse_single_sequence_example(payload, context, lists)
        assert (int(found[INDEX].values[0]), found["clip/label/string"].numpy().decode()) == (k % 2, "ab"[k % 2])
        assert rows["image/timestamp"].numpy().tolist() == [100_000 * number for number in range(20)]
        images = np.stack([tf.io.decode_jpeg(i, dct_method="INTEGER_ACCURATE").numpy() for i in rows[ENCODED]])
        with open_record(clips[k].path, clips[k].offset or 0) as clip:
            assert abs(images.astype(int) - decode(clip, RATE).frames).max() <= 1  # 0 with the same libjpeg
        assert numbers(images) == list(range(k, 20 + k))
        assert abs(images.astype(int) - numbered_frames(20 + k)[k:]).mean() < 1
    assert k == 7


def test_what_tensorflow_writes_is_read_here(tmp_path):
    import tensorflow as tf

    def feature(kind: str, *values) -> tf.train.Feature:
        lists = {"bytes": tf.train.BytesList, "int64": tf.train.Int64List, "float": tf.train.FloatList}
        return tf.train.Feature(**{f"{kind}_list": lists[kind](value=values)})

    frames = numbered_frames(12)
    images = [tf.io.encode_png(frame).numpy() for frame in frames]
    example = tf.train.SequenceExample()
    example.context.feature[INDEX].CopyFrom(feature("int64", 7))
    example.context.feature["other"].CopyFrom(feature("float", 0.5, -1.5))
    example.feature_lists.feature_list[ENCODED].feature.extend([feature("bytes", image) for image in images])
    with tf.io.TFRecordWriter(str(tmp_path / "kinetics_val_25fps-00000-of-00001")) as writer:
        for index in (7, 123):
            example.context.feature[INDEX].int64_list.value[:] = [index]
            writer.write(example.SerializeToString())
    found = read_source(tmp_path)
    assert [(clip.label, clip.split) for clip in found.clips] == [("007", "val"), ("123", "val")]
    with open_record(found.clips[1].path, found.clips[1].offset or 0) as clip:
        assert clip.images == images  # byte for byte
        assert clip.times == pytest.approx([number / 25 for number in range(12)])
        np.testing.assert_array_equal(decode(clip, 25).frames, frames)  # PNG loses nothing


def test_records_go_through_the_cache_as_videos_do(shards, tmp_path):
    found = read_source(shards)
    assert found.labels == ("a", "b")
    assert [(clip.key, clip.label, clip.split) for clip in found.clips] == [
        (f"clip{k}", "ab"[k % 2], "train" if k < 6 else "val") for k in range(8)
    ]
    cache = FrameCache.build(found, tmp_path / "cache", 24, 5, seconds=1)
    assert len(cache) == 8
    for k in range(8):
        assert cache.frames(k).shape == (5, 24, 32, 3)
        assert numbers(cache.frames(k)) == [k + 5, k + 7, k + 9, k + 11, k + 13]
    assert len(set(cache.paths)) == 8


def test_the_jpegs_are_kept_byte_for_byte_and_lose_little(tmp_path):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 6, 8, 3), dtype=np.uint8)
    frames = np.stack([np.asarray(Image.fromarray(frame).resize((64, 48), 2)) for frame in coarse])
    path = write_shard(tmp_path / "x.tfrecord", record(frames, "a", 0))
    with open_record(path, 0) as clip:
        decoded = decode(clip, RATE)
        images = [np.asarray(Image.open(io.BytesIO(image))) for image in clip.images if isinstance(image, bytes)]
    np.testing.assert_array_equal(decoded.frames, np.stack(images))
    assert decoded.times == pytest.approx([k / RATE for k in range(6)])
    assert abs(decoded.frames.astype(int) - frames).mean() < 3


def test_one_file_and_a_pattern_are_sources(shards):
    assert len(read_source(shards / "val-00000-of-00001.tfrecord").clips) == 2
    assert len(read_source(shards / "train-*").split("train")) + len(read_source(shards / "train-*").split("val")) == 6
    with pytest.raises(SourceError, match="no such file or folder"):
        read_source(shards / "nothing-*")


def test_damaged_records_are_told_with_a_reason_and_the_others_used(tmp_path):
    good = [record(numbered_frames(5), "ab"[k % 2], k % 2) for k in range(6)]
    bad_picture = parse(good[0])
    bad_picture[1][ENCODED][2] = [b"no picture"]
    no_pictures = serialize({INDEX: [0]}, {})
    flipped = bytearray(b"".join(map(framed, [good[0], good[1]])))
    flipped[len(framed(good[0])) // 2] ^= 1
    write_shard(tmp_path / "a.tfrecord", *good, serialize(*bad_picture), no_pictures)
    (tmp_path / "b.tfrecord").write_bytes(flipped)
    (tmp_path / "c.tfrecord").write_bytes(framed(good[0]) + framed(good[1])[:-9])
    (tmp_path / "d.tfrecord").write_bytes(b"\x1f\x8bzipped by somebody")
    (tmp_path / "e.tfrecord").write_bytes(b"")
    found = read_source(tmp_path)
    result = report(inspect(found))
    assert result["good"] == 8
    reasons = {bad["path"].removeprefix(str(tmp_path) + "/").split("@")[0]: [] for bad in result["bad"]}
    for bad in result["bad"]:
        reasons[bad["path"].removeprefix(str(tmp_path) + "/").split("@")[0]].append(bad["reason"])
    assert reasons == {
        "a.tfrecord": ["damaged pictures: 1", "no picture decodes"],
        "b.tfrecord": ["the record at byte 0 is damaged"],
        "c.tfrecord": [f"the record at byte {len(framed(good[0]))} is cut short"],
        "d.tfrecord": ["compressed by gzip; unpack it first"],
    }
    cache = FrameCache.build(found, tmp_path / "cache", 16, 5)
    assert len(cache) == 9  # the one with a lost picture too


def test_a_record_that_is_gone_is_an_error_with_its_place(shards):
    with pytest.raises(VideoError, match=r"val-00000-of-00001\.tfrecord@5: no record at byte 5"):
        open_record(shards / "val-00000-of-00001.tfrecord", 5)


def test_several_classes_of_a_clip_are_joined(tmp_path):
    write_shard(tmp_path / "train.tfrecord", serialize({INDEX: [10, 2]}, {}), serialize({INDEX: [2]}, {}))
    names = {INDEX: [1, 2], "clip/label/string": [b"run", b"jump"]}
    write_shard(tmp_path / "val.tfrecord", serialize(names, {}))
    found = read_source(tmp_path)
    assert [clip.label for clip in found.clips] == ["02|10", "02", "jump|run"]
    write_shard(tmp_path / "val.tfrecord", serialize(names | {"clip/label/string": [b"run"]}, {}))
    (broken,) = read_source(tmp_path).broken
    assert broken[1] == "it has 2 classes by index and 1 by name"
