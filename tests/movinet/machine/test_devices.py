"""Graphs that TensorFlow would keep for good: forgotten where they were made, and only those."""

import gc
import weakref
from typing import Any

import tensorflow as tf

from movinet.export.run import export
from movinet.machine.devices import forgotten_custom_gradients, graphs_as_written
from tests.support.exports import CLIP, built


@tf.custom_gradient
def doubled(x):
    return 2 * x, lambda upstream: 2 * upstream


def traced():
    return tf.function(lambda x: doubled(x)).get_concrete_function(tf.TensorSpec((), tf.float32))


def test_what_was_traced_before_can_still_be_differentiated():
    earlier = traced()
    with forgotten_custom_gradients():
        graph = weakref.ref(traced().graph)
    gc.collect()
    assert graph() is None
    with tf.GradientTape() as tape:
        x = tf.constant(3.0)
        tape.watch(x)
        y = earlier(x)
    gradient: Any = tape.gradient(y, x)
    assert float(gradient) == 2.0


def test_an_export_leaves_no_graph_behind(tmp_path):
    model, counts = built(), []
    for _ in range(3):
        export(model, tmp_path / "net.tflite", clip=CLIP, at_frames=(1,))
        gc.collect()
        counts.append(sum(isinstance(each, tf.Graph) for each in gc.get_objects()))
    assert counts[2] <= counts[1]  # 14 more each time, 190 MB for A0, when they were kept


def test_graphs_run_as_written_within_and_optimized_again_after():
    before = tf.config.optimizer.get_experimental_options()
    with graphs_as_written():
        assert tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]
    assert tf.config.optimizer.get_experimental_options() == before
