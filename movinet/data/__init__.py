"""From files of videos to batches: sources, video, the cache of decoded frames, batching, sets."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from movinet.data.batching.augment import Augment as Augment
    from movinet.data.batching.mixing import Mixing as Mixing
    from movinet.data.batching.pipeline import batches as batches
    from movinet.data.batching.tf_dataset import tf_dataset as tf_dataset
    from movinet.data.cache import FrameCache as FrameCache
    from movinet.data.sets.moving_shapes import MovingShapes as MovingShapes
    from movinet.data.sets.moving_shapes import synthesize as synthesize
    from movinet.data.sources.clip_set import ClipFile as ClipFile
    from movinet.data.sources.clip_set import ClipSet as ClipSet
    from movinet.data.sources.source import read_source as read_source
    from movinet.data.video.frames import read_frames as read_frames

MODULES = {
    "read_source": "movinet.data.sources.source",
    "ClipSet": "movinet.data.sources.clip_set",
    "ClipFile": "movinet.data.sources.clip_set",
    "read_frames": "movinet.data.video.frames",
    "FrameCache": "movinet.data.cache",
    "batches": "movinet.data.batching.pipeline",
    "Augment": "movinet.data.batching.augment",
    "Mixing": "movinet.data.batching.mixing",
    "tf_dataset": "movinet.data.batching.tf_dataset",
    "MovingShapes": "movinet.data.sets.moving_shapes",
    "synthesize": "movinet.data.sets.moving_shapes",
}
__getattr__, __dir__ = face(__name__, MODULES)
