"""What --model may be: each kind gives the answers of the network it was made from."""

import json
import zipfile

import keras
import numpy as np
import pytest

from movinet.config.errors import InputError
from movinet.export.run import export
from movinet.layers.pool import CUMULATIVE, Window
from movinet.model import build_movinet
from movinet.models.answers import class_probabilities, predict
from movinet.models.folder import MemberError, read_labels
from movinet.models.load import load_model, temporal_pair
from movinet.models.model import Wanted
from movinet.prediction.cli import load_models
from movinet.presets import PRESETS
from movinet.weights.save import save_state_dict
from tests.support.predict_members import CAUSAL, LABELS, SPEC, write_member

SIZE = SPEC.clip.resolution


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_member(tmp_path_factory.mktemp("causal"), CAUSAL)


@pytest.fixture(scope="module")
def model(folder):
    return load_model(str(folder))


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    """Of the causal network: as clips and as a stream."""
    out = tmp_path_factory.mktemp("litert")
    for name in ("clip", "stream", "rank4"):
        path, how = out / f"{name}.tflite", {"stream": name != "clip", "rank4": name == "rank4"}
        export(model.network, path, clip=CAUSAL.clip, labels=LABELS, at_frames=(2,), **how)
    return out


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).random((12, SIZE, SIZE, 3), np.float32)


def test_a_keras_file_alone_answers_as_its_folder(folder, model, frames, tmp_path):
    alone = tmp_path / "mine.keras"
    alone.write_bytes((folder / "model.keras").read_bytes())
    found = load_model(str(alone), Wanted(frames=4, size=SIZE))
    assert found.labels == ("class 0", "class 1", "class 2")
    assert found.notes == (
        f"{alone} does not tell its clip; assumed: 4 frames of 24 pixels, 5 a second (change: --frames, --size, --fps)",
    )
    np.testing.assert_array_equal(found.logits(frames[:4]), model.logits(frames[:4]))
    assert load_model(str(folder / "model.keras")).labels == LABELS  # in its folder it is the folder's


def test_a_clip_file_is_fed_its_size(files, model, frames):
    found = load_model(str(files / "clip.tflite"))
    assert (found.clip, found.labels, found.stream) == (CAUSAL.clip, LABELS, None)
    np.testing.assert_allclose(found.logits(frames[:4]), model.logits(frames[:4]), rtol=1e-4, atol=1e-3)
    with pytest.raises(MemberError, match="clip.tflite: made for 4 frames of 24 pixels; allowed: no other clip"):
        load_model(str(files / "clip.tflite"), Wanted(size=32))


@pytest.mark.parametrize("kind", ["stream", "rank4"])
def test_a_stream_file_answers_as_the_stream(files, model, frames, kind):
    found = load_model(str(files / f"{kind}.tflite"))
    push, wanted = found.stream(CUMULATIVE), model.stream(CUMULATIVE)
    for start, end in ((0, 1), (1, 5), (5, 12)):
        np.testing.assert_allclose(push(frames[start:end]), wanted(frames[start:end]), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.logits(frames), model.logits(frames), rtol=1e-4, atol=1e-3)
    assert (found.clip.resolution, found.clip.frames_per_second) == (SIZE, 3.0)
    with pytest.raises(MemberError, match="its averages are part of the file; allowed: no --pool"):
        found.stream(Window(3))


def test_a_file_without_its_own_manifest_is_refused(files, tmp_path):
    stray = tmp_path / "stream.tflite"
    stray.write_bytes((files / "stream.tflite").read_bytes())
    with pytest.raises(MemberError, match="stream.json: no such file"):
        load_model(str(stray))
    stray.with_suffix(".json").write_text((files / "clip.json").read_text())
    with pytest.raises(MemberError, match=r"not the file that stream.json describes \(another SHA-256\)"):
        load_model(str(stray))
    manifest = json.loads((files / "stream.json").read_text())
    manifest["image"]["range"] = [0.0, 255.0]
    stray.with_suffix(".json").write_text(json.dumps(manifest))
    with pytest.raises(MemberError, match=r"allowed: squares of RGB, range \[0.0, 1.0\]"):
        load_model(str(stray))
    stray.with_suffix(".json").write_text("{}")
    with pytest.raises(MemberError, match="not a manifest"):
        load_model(str(stray))


def test_a_published_name_takes_weights_and_labels(tmp_path):
    network = build_movinet(PRESETS["t0-base"], 3)
    save_state_dict(network, tmp_path / "t0.safetensors")
    (tmp_path / "names.txt").write_text("\n".join(LABELS) + "\n")
    wanted = Wanted(str(tmp_path / "t0.safetensors"), str(tmp_path / "names.txt"))
    found = load_model("t0-base", wanted)
    assert (found.labels, found.clip, found.stream) == (LABELS, PRESETS["t0-base"].clip, None)
    clip = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)
    np.testing.assert_allclose(found.logits(clip), np.asarray(network(clip[None]))[0], atol=1e-6)
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(MemberError, match="names.txt: 2 names are not allowed; allowed: 3, one for each class"):
        load_model("t0-base", wanted)
    with pytest.raises(MemberError, match="t0-base needs --weights CHECKPOINT"):
        load_model("t0-base")


def test_published_names_take_a_checkpoint_each(tmp_path, frames):
    network, paths = build_movinet(PRESETS["t0-base"], 3), []
    _, bias = network.get_layer("classifier_head").classifier.weights
    for number in range(2):
        paths.append(str(tmp_path / f"{number}.safetensors"))
        bias.assign([number, 0, 0])
        save_state_dict(network, paths[-1])
    first, second = load_models(options("t0-base", "t0-base", weights=paths))
    np.testing.assert_allclose(second.logits(frames) - first.logits(frames), [1, 0, 0], atol=1e-5)


def test_multi_label_folders_answer_with_a_probability_of_each_class(tmp_path, frames):
    folder = write_member(tmp_path, CAUSAL)
    assert not load_model(str(folder)).multi_label
    (folder / "config.yaml").write_text("train: {multi_label: true}\n")
    model = load_model(str(folder))
    assert model.multi_label
    assert not load_model(str(folder), Wanted(multi_label=False)).multi_label
    logits = model.logits(frames[:4])
    shares = dict(predict(model.network, frames[:4], LABELS, multi_label=True))
    assert [shares[label] for label in LABELS] == pytest.approx(1 / (1 + np.exp(-np.float64(logits))))
    assert class_probabilities([-1e4, 0.0, 1e4], True).tolist() == [0.0, 0.5, 1.0]
    (folder / "config.yaml").write_text("train: [")
    with pytest.raises(InputError, match="config.yaml:1: not YAML"):
        load_model(str(folder))


def test_frames_in_another_range_are_refused(model, frames):
    with pytest.raises(ValueError, match="a clip of float32 from 0 to 255 is not allowed; allowed: floats from 0 to 1"):
        predict(model.network, np.array([0, 255], np.float32).repeat(24 * 24 * 6).reshape(4, 24, 24, 3), LABELS)
    with pytest.raises(ValueError, match="a clip of uint8"):
        predict(model.network, np.zeros((4, 24, 24, 3), np.uint8), LABELS)


def test_files_that_are_no_network_are_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "dense.keras")
    (tmp_path / "text.keras").write_text("no archive")
    for name, reason in {"dense": "holds no MoViNet", "none": "no such file", "text": "no ZIP archive"}.items():
        with pytest.raises(ValueError, match=reason):
            load_model(str(tmp_path / f"{name}.keras"))
    with pytest.raises(
        MemberError, match=r"a0_base: no such file or folder; did you mean a0-base\? allowed: a model folder, .*a0-base"
    ):
        load_model("a0_base")
    with zipfile.ZipFile(tmp_path / "torn.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(MemberError, match="torn.keras: Keras cannot load it"):
        load_model(str(tmp_path / "torn.keras"))


def options(*models, **other):
    from argparse import Namespace

    given = dict.fromkeys(("weights", "labels", "frames", "size", "fps", "multi_label"))
    return Namespace(**{**given, "model": list(map(str, models)), "temporal_ensemble": False, "stream": False, **other})


def test_models_that_do_not_fit_each_other_are_refused(folder, files, tmp_path):
    other = write_member(tmp_path / "other", CAUSAL, labels=("rises", "falls", "turns"))
    with pytest.raises(ValueError, match="other has not the classes of .*, in the same order"):
        load_models(options(folder, other))
    base = write_member(tmp_path / "base", SPEC)
    with pytest.raises(ValueError, match="--stream: base is not causal; allowed: a causal network, or no --stream"):
        load_models(options(folder, base, stream=True))
    with pytest.raises(MemberError, match="--temporal-ensemble takes no .tflite files"):
        load_models(options(folder, files / "stream.tflite", temporal_ensemble=True))
    with pytest.raises(ValueError, match="--weights x: allowed: one for each published name"):
        load_models(options(folder, weights=["x"]))
    with pytest.raises(MemberError, match="allowed: the same"):
        temporal_pair(load_model(str(folder)), load_model(str(folder), Wanted(rate=6.0)))


def test_labels_are_a_json_list_or_lines(tmp_path):
    (tmp_path / "a.json").write_text('["x, y", "z"]')
    (tmp_path / "a.txt").write_bytes("\ufeffx, y\r\nz\r\n".encode())
    assert read_labels(tmp_path / "a.json") == read_labels(tmp_path / "a.txt") == ("x, y", "z")
    (tmp_path / "empty.txt").write_text("")
    for name, reason in {"empty.txt": "allowed: a list of class names", "none.txt": "No such file"}.items():
        with pytest.raises(MemberError, match=reason):
            read_labels(tmp_path / name)
