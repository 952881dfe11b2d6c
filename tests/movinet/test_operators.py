"""Every operator keeps the contract, one too that is added in three files."""

import os
import shutil
import subprocess
import sys

import pytest

from movinet.operators import OPERATORS
from movinet.presets import preset
from tests.contracts.operator_contract import OperatorContract
from tests.support.paths import ROOT

FIELD = """
    temporal_gate: int = choice((0, 3, 5), 0, later=True)  # frames that it sees
"""
LAYER = '''
"""A gate of each frame's channels, by a convolution over the means of the last frames."""

import keras

from movinet.layers.conv import ConvBlock
from movinet.layers.operator import OperatorLayer
from movinet.layers.pool import CUMULATIVE, spatial_mean


@keras.saving.register_keras_serializable(package="movinet")
class TemporalGate(OperatorLayer):
    def __init__(self, filters, taps, causal, conv_type, activation, batch_norm_momentum, **kwargs):
        super().__init__(**kwargs)
        form = {"batch_norm_momentum": batch_norm_momentum, "dtype": self.dtype_policy}
        self.mix = ConvBlock(filters, (taps, 1, 1), 1, True, causal, conv_type, activation, name="mix", **form)

    @classmethod
    def within(cls, value, bottleneck, **settings):
        of = bottleneck
        form = (of.causal, of.conv_type, of.gating_activation, of.batch_norm_momentum)
        return cls(of.expand_filters, value, *form, **settings)

    def build(self, shape):
        self.mix.build((None, None, 1, 1, shape[-1]))

    def call(self, clip, states=None, pool=CUMULATIVE, training=False):
        means = spatial_mean(clip)
        if states is None:
            return clip * self.mix(means, training=training)
        gate, later = self.mix(means, states, training=training)
        return clip * gate, later

    def state_shapes(self, batch, height, width, pool=CUMULATIVE):
        return self.mix.state_shapes(batch, 1, 1)

    def frames(self, graph, x, states):
        gate, later = graph.conv(self.mix, graph.spatial_mean(x), states)
        return x * gate, later

    def parts(self):
        return (self.mix,)
'''
ENTRY = """
def _temporal_gate(taps: int, place: Place, mode: Mode) -> Iterator[Operation]:
    means = Place(place.frames, 1, place.filters)
    yield Operation("pool", "pool", place.shape, means.shape)
    yield from convolution(
        "mix", "depthwise", means, place.filters, mode, (taps, 1, 1), waiting=prod(place.shape)
    )
    yield Operation("gate", "gate", place.shape, place.shape, waiting=prod(means.shape))


OPERATORS += (
    Operator("temporal_gate", "movinet.layers.temporal_gate:TemporalGate", _temporal_gate, off=0),
)
"""


class TestOperator(OperatorContract):
    @pytest.fixture(scope="class", params=OPERATORS, ids=lambda operator: operator.field)
    @classmethod
    def operator(cls, request):
        return request.param


def test_ids_of_networks_without_later_operators_stay():
    assert [preset(name).id for name in ("a0-base", "a2-stream")] == ["ef07b8dca8", "5df86f9f73"]


def test_an_operator_is_added_in_three_files(tmp_path):
    """A copy of the house with these three changes passes the contract, and searches the new field."""
    for folder in ("movinet", "space", "tests/contracts", "tests/support"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    tests = ("tests/movinet/test_operators.py", "tests/space/test_network.py")
    for file in (*tests, "tests/__init__.py", "tests/movinet/__init__.py", "tests/space/__init__.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    spec, operators = tmp_path / "movinet/spec.py", tmp_path / "movinet/operators.py"
    last = "    squeeze_excite: bool = choice(FLAGS, True)\n"
    assert last in spec.read_text(encoding="utf-8")
    spec.write_text(spec.read_text(encoding="utf-8").replace(last, last + FIELD.lstrip("\n")), encoding="utf-8")
    (tmp_path / "movinet/layers/temporal_gate.py").write_text(LAYER.lstrip(), encoding="utf-8")
    imported = "import Mode, Operation, Place"
    text = operators.read_text(encoding="utf-8").replace(imported, f"{imported}, convolution")
    operators.write_text(text + "\n" + ENTRY, encoding="utf-8")

    wanted = ["-k", "(temporal_gate or ids_of) and not three_files", "-p", "no:cacheprovider", "-q"]
    code = [sys.executable, "-m", "pytest", *tests, *wanted]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(code, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "19 passed" in done.stdout
