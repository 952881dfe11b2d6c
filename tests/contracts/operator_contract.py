"""What every operator of `movinet.operators` promises, as tests that any entry can be put through, yours too:

class TestMine(OperatorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def operator(cls):
        return Operator("mine", "package.module:Mine", mine)
"""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import numpy as np
import pytest

from movinet.cost import network_cost
from movinet.deploy.fuse import fuse
from movinet.export.signature import clip_signature, frame_signature
from movinet.layers.conv import ConvBlock
from movinet.model import build_movinet
from movinet.operators import OPERATORS, Operator
from movinet.ops import operations
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec, choices, spec_from_dict
from movinet.streaming import initial_states, stream_model
from movinet.weights.load import load_checkpoint
from movinet.weights.model_garden_names import official_names
from movinet.weights.outline import outline, outline_of
from movinet.weights.save import save_checkpoint, save_state_dict
from movinet.weights.tensors import CheckpointError, weights_by_path
from space.scaling.coefficients import Coefficients
from space.scaling.compound import scale

FRAMES, SIZE = 4, 12
CLIP = np.random.default_rng(0).random((1, FRAMES, SIZE, SIZE, 3), dtype=np.float32)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def spec_of(operator: Operator, causal: bool) -> MovinetSpec:
    """A layer with each value of the operator's field, and no other operator."""
    others = {other.field: other.off for other in OPERATORS}
    values = choices(LayerSpec)[operator.field]
    layers = tuple(LayerSpec(8, (3, 3, 3), **others | {operator.field: value}) for value in values)
    form: dict[str, Any] = {"causal": True, "conv_type": "2plus1d", "se_type": "2plus3d"} if causal else {}
    return MovinetSpec(StemSpec(4), (BlockSpec(8, layers),), HeadSpec(8, 8), ClipSpec(FRAMES, SIZE, 5.0), **form)


def built(spec: MovinetSpec) -> keras.Model:
    """A network whose every weight is off its initial value."""
    model, rng = build_movinet(spec, 3), np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + rng.uniform(0.05, 0.2, weight.shape))
    return model


class OperatorContract:
    """The tests; a class that derives from it says the `operator`, whose field `LayerSpec` has."""

    @pytest.fixture(scope="class", params=[False, True], ids=["base", "stream"])
    @classmethod
    def spec(cls, operator, request) -> MovinetSpec:
        return spec_of(operator, request.param)

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, spec) -> keras.Model:
        return built(spec)

    def test_its_cost_is_that_of_the_built_network(self, spec, model, monkeypatch):
        stage, done = ConvBlock._stage, []

        def counted(block, number, *inputs):
            result = stage(block, number, *inputs)
            done.append(prod(result.shape[1:]) * prod(block.kernels[number].shape) // block.filters)
            return result

        monkeypatch.setattr(ConvBlock, "_stage", counted)
        model(CLIP)
        cost = network_cost(spec, num_classes=3)
        assert (cost.flops, cost.parameters) == (sum(done), model.count_params())
        states = initial_states(model, 1, SIZE) if spec.causal else {}
        assert cost.buffer_bytes == 4 * sum(prod(state.shape) for state in states.values())

    def test_it_has_operations_by_its_name_unless_it_is_off(self, operator, spec):
        for number, value in enumerate(choices(LayerSpec)[operator.field]):
            named = [op for op in operations(spec) if op.name.startswith(f"block0_layer{number}/{operator.name}/")]
            assert bool(named) == (value != operator.off)

    def test_a_stream_says_what_the_clip_so_far_says(self, spec, model):
        if not spec.causal:
            pytest.skip("not causal")
        stream, states = stream_model(model), initial_states(model, 1, SIZE)
        for frame in range(FRAMES):
            states = dict(stream({"image": keras.ops.convert_to_tensor(CLIP[:, frame : frame + 1]), **states}))
            np.testing.assert_allclose(states.pop("logits"), model(CLIP[:, : frame + 1]), **CLOSE)

    def test_the_graph_of_frames_says_what_keras_says(self, spec, model):
        logits = clip_signature(model, spec.clip).concrete()(image=CLIP)["logits"]
        np.testing.assert_allclose(logits, model(CLIP), **CLOSE)
        if spec.causal:
            signature = frame_signature(model, SIZE)
            function, states = signature.concrete(), signature.first_states()
            for frame in CLIP[0]:
                given = {"image": frame[None], **states}
                returned = function(**given)
                states = signature.next_states(given, returned)
            np.testing.assert_allclose(returned["logits"], model(CLIP), **CLOSE)

    def test_it_is_fused_saved_and_loaded_as_it_is(self, spec, model, tmp_path):
        logits = model(CLIP)
        np.testing.assert_allclose(fuse(model)(CLIP), logits, **CLOSE)
        model.save(tmp_path / "net.keras")
        np.testing.assert_array_equal(keras.models.load_model(tmp_path / "net.keras")(CLIP), logits)
        fresh = build_movinet(spec, 3)
        load_checkpoint(fresh, tmp_path / "net.keras")
        np.testing.assert_array_equal(fresh(CLIP), logits)
        assert spec_from_dict(spec.to_dict()) == spec

    def test_published_files_hold_it_or_refuse_it(self, operator, spec, model, tmp_path):
        if operator.published:
            save_checkpoint(model, tmp_path / "ckpt")
            load_checkpoint(fresh := build_movinet(spec, 3), tmp_path / "ckpt")
            np.testing.assert_array_equal(fresh(CLIP), model(CLIP))
            assert len(official_names(model)) == len(model.weights)
            return
        for write in (save_checkpoint, save_state_dict, lambda model, _: official_names(model)):
            with pytest.raises(CheckpointError, match=f"/{operator.name} has no published name; allowed: .keras and"):
                write(model, tmp_path / "net.safetensors")

    def test_its_weights_tell_of_it(self, spec, model):
        shapes = {path: tuple(weight.shape) for path, weight in weights_by_path(model).items()}
        assert outline(shapes) == outline_of(spec)

    @pytest.mark.parametrize("phi", [-1, 1])
    def test_scaling_keeps_it(self, operator, spec, phi):
        def values(spec):
            return [getattr(layer, operator.field) for block in spec.blocks for layer in block.layers]

        kept, scaled = values(spec), values(scale(spec, Coefficients(), phi))
        assert scaled[: len(kept)] == kept[: len(scaled)]
        assert {*scaled[len(kept) :]} <= {*kept}
