"""State dicts of the PyTorch port: loaded with the published logits by safetensors and torch, and never run."""

import dataclasses
import pickle
import random
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from movinet.model import build_movinet
from movinet.presets import preset
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.weights.load import load_checkpoint
from movinet.weights.model_garden_names import official_names
from movinet.weights.pytorch_names import port_axes, state_name, weight_names
from movinet.weights.save import save_state_dict
from movinet.weights.tensors import CheckpointError
from tests.movinet.test_parity import every_frame
from tests.support.official_checkpoints import FIXTURES
from tests.support.official_values import official_clip, official_value
from tests.support.port_states import A0, T0, port_state
from tests.support.random_specs import random_spec


@pytest.fixture(scope="module")
def t0_base():
    return build_movinet(preset("t0-base"), 5)


def write(state: dict, path) -> None:
    save_file({name: np.array(value, order="C") for name, value in state.items()}, path)


def is_official(model) -> bool:
    names = official_names(model).items()
    return all(np.array_equal(weight.numpy(), official_value(name, tuple(weight.shape))) for name, weight in names)


@pytest.mark.parametrize("older", [False, True], ids=["newer", "older"])
@pytest.mark.parametrize("kind", ["base", "stream"])
def test_a_state_dict_brings_the_published_logits(tmp_path, kind, older):
    write(port_state(T0, kind == "stream", older), tmp_path / "t0.safetensors")
    model = build_movinet(preset(f"t0-{kind}"), 5)
    report = load_checkpoint(model, tmp_path / "t0.safetensors")
    assert report.matched == tuple(weight.path for weight in model.weights)
    assert report.left_over == ()
    assert is_official(model)
    if older:  # equal weights, equal logits
        return
    fixture = np.load(FIXTURES / f"t0_{kind}.npz")
    size = next(iter(set(fixture.files) - {"about"}))
    clip, expected = official_clip(*map(int, size.split("x"))), fixture[size]
    ours = every_frame(model, clip) if len(expected) > 1 else np.asarray(model(clip))
    assert np.abs(ours - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("kind", ["base", "stream"])
def test_a_torch_file_is_read_weights_only_whatever_wraps_the_state_dict(tmp_path, kind):
    torch = pytest.importorskip("torch")
    state = {name: torch.tensor(value) for name, value in port_state(A0, kind == "stream").items()}
    halved = {name: value.to(torch.bfloat16) for name, value in state.items()}
    parallel = {f"module.{name}": torch.nn.Parameter(value, False) for name, value in state.items()}
    torch.save(state, tmp_path / f"modelA0_{kind}_statedict_v3")
    torch.save({"state_dict": parallel, "epoch": 3, "optimizer": {"step": torch.tensor(1)}}, tmp_path / "run.pth")
    torch.save({"model": {f"model.{name}": value for name, value in halved.items()}}, tmp_path / "half.pt")
    model = build_movinet(preset(f"a0-{kind}"), 5)
    assert load_checkpoint(model, tmp_path / f"modelA0_{kind}_statedict_v3").left_over == ()
    assert is_official(model)
    model.set_weights([weight.numpy() * 0 for weight in model.weights])
    assert load_checkpoint(model, tmp_path / "run.pth").left_over == ("epoch", "optimizer")
    assert is_official(model)
    load_checkpoint(model, tmp_path / "half.pt")
    kernel = model.get_layer("head").project.kernels[0]
    np.testing.assert_array_equal(
        kernel.numpy(), halved[next(name for name in halved if "conv7" in name)].float().numpy().T.reshape(kernel.shape)
    )


class Evil:
    """What a pickle may hold: a call that leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_torch_file_never_runs_code(tmp_path, t0_base):
    torch = pytest.importorskip("torch")
    state = {name: torch.tensor(value) for name, value in port_state().items()}
    torch.save(state | {"extra": Evil(tmp_path / "run_by_torch")}, tmp_path / "zip.pt")
    (tmp_path / "plain.bin").write_bytes(pickle.dumps(Evil(tmp_path / "run_by_pickle")))
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    for name in ("zip.pt", "plain.bin", "module.pth"):
        with pytest.raises(CheckpointError, match=f"{name} is not read: .*save the state dict alone") as refused:
            load_checkpoint(t0_base, tmp_path / name)
        assert len(str(refused.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["module.pth", "plain.bin", "zip.pt"]
    pickle.loads((tmp_path / "plain.bin").read_bytes()).close()
    assert (tmp_path / "run_by_pickle").exists()  # it would have


def test_without_torch_the_extra_is_named(tmp_path, t0_base, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "a.pt").write_bytes(b"")
    with pytest.raises(
        CheckpointError, match=r"a\.pt: reading a torch file needs PyTorch: pip install 'movinet-search"
    ):
        load_checkpoint(t0_base, tmp_path / "a.pt")


def test_what_is_no_state_dict_of_a_movinet_is_said_on_one_line(tmp_path, t0_base):
    write({"fc.weight": np.zeros((2, 2), np.float32)}, tmp_path / "other.safetensors")
    state = port_state()
    write(state | {f"ema.{name}": value for name, value in state.items()}, tmp_path / "two.safetensors")
    write(state, tmp_path / "torn.safetensors")
    data = (tmp_path / "torn.safetensors").read_bytes()
    (tmp_path / "torn.safetensors").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.safetensors").write_text("weights")
    cases = {
        "other": "other.safetensors holds no MoViNet: no tensor in it is the PyTorch port's conv1",
        "two": r"two.safetensors: it holds 2 networks \(, ema.\)",
        "torn": "torn.safetensors cannot be read",
        "text": "text.safetensors cannot be read",
        "lost": "lost.safetensors cannot be read",
    }
    for name, words in cases.items():
        with pytest.raises(CheckpointError, match=words) as refused:
            load_checkpoint(t0_base, tmp_path / f"{name}.safetensors")
        assert len(str(refused.value).splitlines()) == 1


def test_torn_and_foreign_torch_files_are_said_on_one_line(tmp_path, t0_base):
    torch = pytest.importorskip("torch")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "torn.pt")
    data = (tmp_path / "torn.pt").read_bytes()
    (tmp_path / "torn.pt").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.pt").write_bytes(b"")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    cases = {"torn": "torn.pt ", "empty": "empty.pt ", "lost": "lost.pt cannot be read", "tensor": "holds a Tensor"}
    for name, words in cases.items():
        with pytest.raises(CheckpointError, match=words) as refused:
            load_checkpoint(t0_base, tmp_path / f"{name}.pt")
        assert len(str(refused.value).splitlines()) == 1


def test_another_network_is_refused_with_the_likely_cause(tmp_path, t0_base):
    write(port_state(stream=True), tmp_path / "stream.safetensors")
    write(port_state(classes=7), tmp_path / "seven.safetensors")
    write({name: value for name, value in port_state().items() if ".se." not in name}, tmp_path / "no_se.safetensors")
    cases = {
        "stream": "another conv_type, 2plus1d or 3d_2plus1d in the checkpoint and 3d in the model",
        "seven": "num_classes, 7 in the checkpoint and 5 in the model",
        "no_se": "another se_type, none in the checkpoint and 3d or 2d in the model",
    }
    for name, words in cases.items():
        with pytest.raises(CheckpointError, match=words):
            load_checkpoint(t0_base, tmp_path / f"{name}.safetensors")
    report = load_checkpoint(t0_base, tmp_path / "seven.safetensors", head="new")
    assert report.left_over == ("classifier.3.conv_1.conv3d.bias", "classifier.3.conv_1.conv3d.weight")
    assert len(report.matched) == len(t0_base.weights) - 2


@pytest.mark.parametrize("kind", ["base", "stream"])
def test_a_written_state_dict_has_the_port_s_names_and_shapes(tmp_path, kind):
    port = port_state(T0, kind == "stream")
    write(port, tmp_path / "port.safetensors")
    model = build_movinet(preset(f"t0-{kind}"), 5)
    load_checkpoint(model, tmp_path / "port.safetensors")
    save_state_dict(model, tmp_path / "new/ours.safetensors")
    ours = load_file(tmp_path / "new/ours.safetensors")
    assert ours.keys() == {name for name in port if not name.endswith("num_batches_tracked")}
    for name, value in ours.items():
        np.testing.assert_array_equal(value, port[name])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ours.safetensors"]
    assert (tmp_path / "new/ours.safetensors").stat().st_mode & 0o777 == (tmp_path / "new").stat().st_mode & 0o666


def test_kernels_of_conv3d_in_two_parts_are_written_as_conv2d_and_read_into_either(tmp_path):
    stream = preset("t0-stream")
    model = build_movinet(dataclasses.replace(stream, conv_type="3d_2plus1d"), 5)
    save_state_dict(model, tmp_path / "t0.safetensors")
    shapes = {name: value.shape for name, value in load_file(tmp_path / "t0.safetensors").items()}
    port = {name: value.shape for name, value in port_state(stream=True).items() if "num_batches" not in name}
    assert shapes == port
    flat = build_movinet(stream, 5)
    load_checkpoint(flat, tmp_path / "t0.safetensors")
    written = [weight.numpy() for weight in model.weights]
    model.set_weights([0 * value for value in written])
    load_checkpoint(model, tmp_path / "t0.safetensors")
    for value, same, other in zip(written, model.weights, flat.weights, strict=True):
        np.testing.assert_array_equal(same.numpy(), value)
        np.testing.assert_array_equal(other.numpy(), value.reshape(other.shape))


def test_a_skip_without_a_pool_is_the_first_of_its_sequence(tmp_path):
    layer = LayerSpec(8, (1, 3, 3))
    spec = MovinetSpec(StemSpec(4), (BlockSpec(4, (layer,), 2), BlockSpec(6, (layer,), 1)), HeadSpec(8, 8))
    model = build_movinet(spec, 1)
    save_state_dict(model, tmp_path / "x.safetensors")
    state = load_file(tmp_path / "x.safetensors")
    assert {name[:15] for name in state if ".res." in name} == {"blocks.b0_l0.re", "blocks.b1_l0.re"}
    assert {name for name in state if ".res." in name and name.endswith("conv3d.weight")} == {
        "blocks.b0_l0.res.1.conv_1.conv3d.weight",
        "blocks.b1_l0.res.0.conv_1.conv3d.weight",
    }
    assert load_checkpoint(model, tmp_path / "x.safetensors").left_over == ()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_spec_a_written_state_dict_reads_back(tmp_path, seed):
    spec = random_spec(random.Random(seed))
    model, twin = build_movinet(spec, 1 + seed), build_movinet(spec, 1 + seed)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    save_state_dict(model, tmp_path / "x.safetensors")
    assert load_checkpoint(twin, tmp_path / "x.safetensors").left_over == ()
    for ours, theirs in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(theirs.numpy(), ours.numpy())


def test_names_and_axes():
    assert state_name("block2_layer10/feature/bn_temporal/moving_variance", "conv2d", True) == (
        "blocks.b2_l10.deep.conv_2.norm.running_var"
    )
    names = ("net.blocks.b0_l10.alpha", "net.blocks.b0_l9.alpha", "net.conv1.conv3d.weight", "net.fc.weight", "x.alpha")
    assert weight_names(names) == {
        "bottleneck1/scale": "net.blocks.b0_l10.alpha",
        "bottleneck0/scale": "net.blocks.b0_l9.alpha",
        "stem/kernel": "net.conv1.conv3d.weight",
    }
    assert weight_names(["fc.weight"]) == {}
    assert port_axes(np.zeros((3, 5, 7, 1)), depthwise=True).shape == (7, 1, 3, 5)
    assert port_axes(np.zeros((1, 1, 7, 1)), depthwise=False).shape == (1, 7, 1, 1)
    assert port_axes(np.zeros((2, 3, 5, 1, 7)), depthwise=True).shape == (7, 1, 2, 3, 5)
