"""The index of a frame cache tells where each clip came from, and notices that it is not what was written."""

import json

import numpy as np
import pytest

from movinet.data.cache_index import CacheError, clip_of, entry_of, read_index, write_index
from movinet.data.sources.clip_set import ClipFile


def test_an_entry_tells_the_clip_that_it_was_decoded_from(tmp_path):
    part = ClipFile(tmp_path / "a.mp4", "run", "val", start=0.5, end=1.25)
    record = ClipFile(tmp_path / "train.tfrecord", "run", "train", offset=12, key="x", frames_per_second=8.0)
    for clip in (part, record):
        entry = json.loads(json.dumps(entry_of(clip, 3, (2, 4, 4, 3), np.zeros(96, np.uint8))))
        again = clip_of(entry)
        assert (again.place, again.start, again.end) == (clip.place, clip.start, clip.end)
        assert (again.offset, again.frames_per_second) == (clip.offset, clip.frames_per_second)
        assert entry["label"] == 3


@pytest.mark.parametrize("damage", [("clips", "clips!"), ("[1, 2]", "[1, 3]"), ("}", ""), ('"checksum"', '"other"')])
def test_a_damaged_index_is_one_line_that_says_what_to_delete(tmp_path, damage):
    write_index(tmp_path, {"key": "clips", "entries": [1, 2]})
    assert read_index(tmp_path) == {"format": 2, "key": "clips", "entries": [1, 2]}
    file = tmp_path / "index.json"
    file.write_text(file.read_text().replace(*damage))
    with pytest.raises(CacheError, match="index.json cannot be read .*; delete the folder to build it anew"):
        read_index(tmp_path)
