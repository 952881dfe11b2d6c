"""A LiteRT file taken apart and put together again: the order of its operators."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from movinet.export.litert.convert import convert, litert_file
from movinet.export.litert.file_graph import DEPTHWISE, FileGraph
from movinet.export.sample_clips import drawn_clips
from movinet.export.signature import stream_signature
from movinet.models.runtime import litert_call
from tests.support.exports import CLIP, SIZE, SPEC, built


@pytest.fixture(scope="module")
def signature():
    return stream_signature(built(), SIZE)


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_states_are_made_as_soon_as_they_can_and_counts_first(signature, quantize):
    content, _ = litert_file(signature, "net", quantize, drawn_clips(CLIP, 1))
    graph = FileGraph(content)
    place = {index: number for number, operator in enumerate(graph.order) for index in operator.outputs}
    assert max(place.values()) == place[graph.outputs["logits"]]
    counts = [index for name, index in graph.outputs.items() if name.endswith("frame_count")]
    assert counts
    assert max(place[index] for index in counts) <= 2 * len(counts)  # each is an addition and a cast
    buffers = [index for name, index in graph.outputs.items() if name.endswith("stream_buffer")]
    assert len(buffers) == sum(layer.kernel[0] > 1 for block in SPEC.blocks for layer in block.layers)
    for index in buffers:
        cut = graph.made_by[index].inputs[0]
        if quantize is None:
            assert place[index] == place[cut] + 1


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_depthwise_weights_of_a_dynamic_file_are_floats_so_that_one_delegate_takes_all(tmp_path):
    layer = dataclasses.replace(SPEC.blocks[0].layers[0], expand_filters=160, kernel=(3, 3, 3))
    wide = dataclasses.replace(SPEC, blocks=(dataclasses.replace(SPEC.blocks[0], layers=(layer,)),))
    signature = stream_signature(built(wide), SIZE)
    filters, delegates = {}, {}
    for quantize in (None, "dynamic"):
        content, _ = litert_file(signature, "net", quantize)
        graph = FileGraph(content)
        taken = [operator.inputs[1] for operator in graph.order if graph.kind(operator) == DEPTHWISE]
        filters[quantize] = [graph.constant(index).reshape(graph.tensors[index].shape) for index in taken]
        interpreter = tf.lite.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        delegates[quantize] = [each["op_name"] for each in interpreter._get_ops_details()].count("DELEGATE")
    assert delegates == {None: 1, "dynamic": 1}
    assert len(filters["dynamic"]) == len(filters[None]) == 2  # of pixels, and of time
    assert not all(map(np.array_equal, filters["dynamic"], filters[None]))  # rounded as the converter left them
    for rounded, weights in zip(filters["dynamic"], filters[None], strict=True):
        assert (np.abs(rounded - weights) <= np.abs(weights).max(axis=(0, 1, 2)) / 254 * 1.01).all()


def test_another_order_is_the_same_graph(signature, tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "saved"), signatures=signature.concrete())
    content, _ = convert(tmp_path / "saved", "net", {})
    graph = FileGraph(content)
    before = Counter(map(graph.kind, graph.order))
    graph.arrange()
    assert Counter(map(graph.kind, graph.order)) == before
    found = []
    for number, written in enumerate((content, graph.content())):
        (tmp_path / f"{number}.tflite").write_bytes(written)
        call, _ = litert_call(tmp_path / f"{number}.tflite")
        given = {"image": np.full(signature.image, 0.5, np.float32), **signature.first_states()}
        returned = call(given)
        found.append(call({"image": given["image"], **signature.next_states(given, returned)}))
    for name, value in found[0].items():
        np.testing.assert_array_equal(found[1][name], value)
