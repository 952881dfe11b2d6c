"""Weights through every kind of file, bit by bit; what cannot be converted is said on one line and touches nothing."""

import dataclasses
import random
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from movinet.__main__ import main
from movinet.model import build_movinet
from movinet.presets import PRESETS, preset
from movinet.spec import BlockSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec, spec_to_yaml
from movinet.weights.load import load_checkpoint
from movinet.weights.outline import outline, outline_of
from movinet.weights.save import save_checkpoint, save_state_dict, write_proved
from movinet.weights.tensorflow_graph import object_graph, weight_keys
from movinet.weights.tensors import CheckpointError, weights_by_path
from tests.support.official_checkpoints import write_checkpoint
from tests.support.port_states import port_state
from tests.support.random_specs import random_spec

SMALL = MovinetSpec(
    StemSpec(4),
    (
        BlockSpec(6, (LayerSpec(8, (5, 3, 3)), LayerSpec(8, (1, 3, 3), squeeze_excite=False)), 2),
        BlockSpec(8, (LayerSpec(12, (3, 3, 3)),), 1),
    ),
    HeadSpec(8, 16),
    causal=True,
    conv_type="2plus1d",
    se_type="2plus3d",
    use_positional_encoding=True,
)
SOURCES = ("folder", "prefix", "saved_model", "x.safetensors", "x.pt", "x.keras", "x.weights.h5")
DESTS = ("y.safetensors", "y.keras", "y.weights.h5", "new/ckpt-1")


def small(seed: int = 0, classes: int = 3, **changes) -> keras.Model:
    """A network whose weights are all random, with seeds for dropout that are no weights."""
    model = build_movinet(dataclasses.replace(SMALL, **changes), classes, dropout=0.1, stochastic_depth=0.1)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return model


def write(kind: str, model: keras.Model, folder: Path) -> Path:
    """Writes `model` as a file of that kind; returns what convert is to read."""
    path = folder / kind
    if kind == "x.safetensors":
        save_state_dict(model, path)
    elif kind == "x.pt":
        torch = pytest.importorskip("torch")
        save_state_dict(model, folder / "for_torch.safetensors")
        state = load_file(folder / "for_torch.safetensors")
        torch.save({"state_dict": {name: torch.tensor(value) for name, value in state.items()}}, path)
    elif kind == "x.keras":
        model.save(path)
    elif kind == "x.weights.h5":
        model.save_weights(path)
    elif kind == "saved_model":
        write_saved_model(model, path)
    else:
        save_checkpoint(model, path / "ckpt-3")
    return path / "ckpt-3" if kind == "prefix" else path


def write_saved_model(model: keras.Model, folder: Path) -> None:
    """A SavedModel of objects that hang together as the published classifier's do."""
    weights, root = weights_by_path(model), tf.Module()
    keys = weight_keys(object_graph(weights, conv2d=True))
    for name, weight in weights.items():
        *edges, last = keys[name].removesuffix("/.ATTRIBUTES/VARIABLE_VALUE").split("/")
        owner = root
        for edge in edges:
            if not hasattr(owner, edge):
                setattr(owner, edge, tf.Module())
            owner = getattr(owner, edge)
        setattr(owner, last, tf.Variable(weight.numpy()))
    tf.saved_model.save(root, str(folder))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spec.yaml").write_text(spec_to_yaml(SMALL))
    return tmp_path


def convert(source: Path, dest: Path, *options: str) -> int:
    return main(["convert", str(source), str(dest), *options])


def assert_same_weights(ours: keras.Model, theirs: keras.Model) -> None:
    for weight, other in zip(ours.weights, theirs.weights, strict=True):
        assert weight.numpy().tobytes() == other.numpy().tobytes(), weight.path


@pytest.mark.parametrize(
    ("kind", "dests"),
    [
        *[(kind, (DESTS[index % 4],)) for index, kind in enumerate(SOURCES)],
        *[pytest.param(kind, DESTS, marks=pytest.mark.slow) for kind in SOURCES],
    ],
    ids=lambda value: value if isinstance(value, str) else "all" if value == DESTS else value[0],
)
def test_every_kind_becomes_every_other(folder, capsys, kind, dests):
    model = small()
    source = write(kind, model, folder)
    twin = small(seed=1)
    for dest in dests:
        assert convert(source, folder / dest, "--network", str(folder / "spec.yaml")) == 0
        load_checkpoint(twin, folder / dest)
        assert_same_weights(twin, model)
        twin.set_weights([0 * weight.numpy() for weight in twin.weights])
        said = capsys.readouterr().out
        assert f"spec.yaml, 3 classes, conv_type 2plus1d: {len(model.weights)} weights matched\n" in said
        assert said.endswith(f"{folder / dest}: read back, {len(model.weights)} weights equal bit by bit\n")
    assert not list(folder.glob("**/.convert-*"))


def test_a_written_keras_file_is_a_whole_model(folder):
    model = small()
    source = write("x.safetensors", model, folder)
    assert convert(source, folder / "y.keras", "--network", str(folder / "spec.yaml")) == 0
    clip = np.random.default_rng(2).random((1, 4, 16, 16, 3), np.float32)
    np.testing.assert_array_equal(keras.models.load_model(folder / "y.keras")(clip), model(clip))


def test_the_network_and_its_classes_are_told_by_the_weights(tmp_path, capsys):
    for kind in ("base", "stream"):
        write_checkpoint(f"t0_{kind}", tmp_path / f"t0_{kind}/ckpt-1", beside={"step": np.int64(9)})
        assert convert(tmp_path / f"t0_{kind}", tmp_path / f"{kind}.safetensors") == 0
        said = capsys.readouterr().out
        assert f"t0-{kind}, 5 classes, conv_type {preset(f't0-{kind}').conv_type}: " in said
        assert "  left over: step/.ATTRIBUTES/VARIABLE_VALUE\n" in said
        port = port_state(stream=kind == "stream")
        for name, value in load_file(tmp_path / f"{kind}.safetensors").items():
            np.testing.assert_array_equal(value, port[name])


def test_conv3d_in_two_parts_becomes_conv2d(folder, capsys):
    parts = small(conv_type="3d_2plus1d")
    save_checkpoint(parts, folder / "parts/ckpt-1")
    (folder / "parts.yaml").write_text(spec_to_yaml(dataclasses.replace(SMALL, conv_type="3d_2plus1d")))
    options = ("--network", str(folder / "parts.yaml"), "--conv-type", "2plus1d")
    assert convert(folder / "parts", folder / "flat.keras", *options) == 0
    assert "parts.yaml, 3 classes, conv_type 2plus1d: " in capsys.readouterr().out
    flat = small(seed=1)
    flat.load_weights(folder / "flat.keras")
    assert (parts.get_layer("stem").kernels[0].ndim, flat.get_layer("stem").kernels[0].ndim) == (5, 4)
    for ours, theirs in zip(flat.weights, parts.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy().ravel(), theirs.numpy().ravel())
    clip = np.random.default_rng(2).random((1, 4, 16, 16, 3), np.float32)
    np.testing.assert_array_equal(flat(clip), parts(clip))


def test_another_number_of_classes_needs_a_new_head(folder, capsys):
    network, model = ("--network", str(folder / "spec.yaml")), small()
    source = write("x.keras", model, folder)
    assert convert(source, folder / "y.keras", *network, "--classes", "7") == 2
    assert "num_classes, 3 in the checkpoint and 7 in the model" in capsys.readouterr().err
    assert convert(source, folder / "y.keras", *network, "--classes", "7", "--head", "new") == 0
    said = capsys.readouterr().out
    assert "  left over: layers/classifier_head/classifier/vars/0\n" in said
    assert "  new, not trained: 2 weights of the classifier\n" in said
    seven = small(seed=1, classes=7)
    seven.load_weights(folder / "y.keras")
    for ours, theirs in zip(seven.weights[:-2], model.weights[:-2], strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert seven.weights[-1].shape == (7,)


def test_nothing_is_replaced_without_force(folder, capsys):
    network = ("--network", str(folder / "spec.yaml"))
    model, twin = small(), small(seed=1)
    source = write("x.safetensors", model, folder)
    for dest in DESTS:
        taken = folder / (f"{dest}.index" if "ckpt" in dest else dest)
        taken.parent.mkdir(exist_ok=True)
        taken.write_text("mine")
        assert convert(source, folder / dest, *network) == 2
        assert capsys.readouterr().err == f"error: {taken} exists; --force replaces it\n"
        assert taken.read_text() == "mine"
        assert convert(source, folder / dest, *network, "--force") == 0
        load_checkpoint(twin, folder / dest)
        assert_same_weights(twin, model)
        twin.set_weights([0 * weight.numpy() for weight in twin.weights])


@pytest.mark.parametrize("kind", ["prefix", "x.safetensors", "x.pt", "x.keras", "x.weights.h5"])
def test_a_torn_source_is_refused(folder, capsys, kind):
    source = write(kind, small(), folder)
    torn = source.with_name("ckpt-3.data-00000-of-00001") if kind == "prefix" else source
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    before = sorted(folder.rglob("*"))
    assert convert(source, folder / "y.keras", "--network", str(folder / "spec.yaml")) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {source} ")
    assert len(said.splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


def test_what_cannot_be_converted_is_said_on_one_line(folder, capsys):
    source = write("x.safetensors", small(), folder)
    network = ("--network", str(folder / "spec.yaml"))
    cases = {
        ("x.safetensors", "y.keras"): "holds no published network's weights; needed: --network spec.yaml or one of a0-",
        ("x.safetensors", "y.keras", "--network", "t0-stream"): "another model size, 3 layers of widths 4 to 8",
        ("x.safetensors", "y.keras", "--network", "t1"): "--network t1: no file and no published network; allowed: ",
        ("x.safetensors", "y.keras", *network, "--conv-type", "3d"): "another conv_type, 2plus1d or 3d_2plus1d in the",
        ("x.safetensors", "y.keras", *network, "--classes", "0"): "--classes 0 is not allowed; allowed: 1 or more",
        ("x.safetensors", "y.pt", *network): "y.pt: .pt is not written; allowed: .safetensors, .keras, .weights.h5",
        ("x.safetensors", "y.h5", *network): "y.h5: .h5 is not written; allowed: ",
        ("x.safetensors", ".", *network): f"is a folder; a checkpoint's prefix is {folder / 'ckpt-1'}",
        ("x.safetensors", "spec.yaml/y.keras", *network): "spec.yaml/y.keras cannot be written (",
        ("lost.keras", "y.keras", *network): "lost.keras cannot be read: ",
        ("lost", "y.keras", *network): "lost cannot be read: ",
        ("spec.yaml", "y.keras", *network): "spec.yaml",  # which torch or the lack of it is told of
    }
    before = sorted(folder.rglob("*"))
    for (name, dest, *options), words in cases.items():
        assert convert(folder / name, folder / dest, *options) == 2, words
        said = capsys.readouterr().err
        assert words in said
        assert said.startswith("error: ")
        assert len(said.splitlines()) == 1
        assert sorted(folder.rglob("*")) == before
    assert source.exists()


@pytest.mark.parametrize("dest", DESTS)
def test_a_file_that_does_not_read_back_never_gets_its_name(tmp_path, dest):
    with pytest.raises(CheckpointError, match="num_classes, 3 in the checkpoint and 4 in the model"):
        write_proved(small(), small(classes=4), tmp_path / dest)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_has_no_classifier_needs_its_classes(folder, capsys):
    save_state_dict(small(), folder / "all.safetensors")
    state, network = load_file(folder / "all.safetensors"), ("--network", str(folder / "spec.yaml"))
    cases = {"classifier.3": "--classes N and --head new are needed", "classifier": "a backbone alone is not converted"}
    for layer, words in cases.items():
        save_file({name: value for name, value in state.items() if layer not in name}, folder / f"{layer}.safetensors")
        assert convert(folder / f"{layer}.safetensors", folder / "y.keras", *network) == 2
        said = capsys.readouterr().err
        assert said == f"error: {folder / layer}.safetensors holds no classifier; {words}\n"
    new = (*network, "--classes", "4", "--head", "new")
    assert convert(folder / "classifier.3.safetensors", folder / "y.keras", *new) == 0


@pytest.mark.parametrize("seed", range(8))
def test_weights_tell_what_their_spec_tells(seed):
    spec = random_spec(random.Random(seed))
    shapes = {name: tuple(weight.shape) for name, weight in weights_by_path(build_movinet(spec, 2)).items()}
    assert outline(shapes) == outline_of(spec)


def test_no_two_published_networks_have_the_same_outline():
    assert len({outline_of(spec) for spec in PRESETS.values()}) == len(PRESETS)


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["convert", "--help"])
    assert "python -m movinet convert runs/default/family/A2/model.keras ckpt/a2 --network" in capsys.readouterr().out
