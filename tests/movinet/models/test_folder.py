import json

import numpy as np
import pytest

from movinet.__main__ import main
from movinet.data.centre import centre_clip
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sources.clip_set import ClipFile
from movinet.data.video.frames import read_frames
from movinet.models.answers import class_probabilities, predict
from movinet.models.ensemble import load_ensemble
from movinet.models.folder import MemberError, load_network, read_member
from movinet.spec import ClipSpec, HeadSpec, MovinetSpec, spec_to_yaml
from tests.support.clip_files import numbered_frames, write_video
from tests.support.predict_members import CAUSAL, LABELS, SPEC, write_member


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    synthesize(folder, MovingShapes(train_clips=1, val_clips=1))
    return sorted(folder.rglob("*.mp4"))[0]


@pytest.fixture(scope="module")
def member(tmp_path_factory):
    return write_member(tmp_path_factory.mktemp("family") / "member")  # below a folder that no other test writes to


def test_the_probabilities_are_those_of_the_saved_network(video, member):
    import keras

    import movinet.model  # noqa: F401  registers the layers

    saved = keras.saving.load_model(member / "model.keras", compile=False)
    clip, _ = centre_clip(video, SPEC.clip)
    expected = keras.ops.softmax(saved.predict(clip[None], verbose=0)[0])
    network = load_network(read_member(member))
    classes = predict(network, clip, LABELS, top=3)
    assert dict(classes) == pytest.approx(dict(zip(LABELS, map(float, expected), strict=True)), abs=1e-6)
    assert [p for _, p in classes] == sorted((p for _, p in classes), reverse=True)
    assert predict(network, clip, LABELS, top=2) == classes[:2]


def test_the_clip_is_the_middle_of_the_video(video):
    clip, damage = centre_clip(video, ClipSpec(frames=6, resolution=64, frames_per_second=12.0))
    frames = read_frames(video, frames_per_second=12.0)
    assert damage is None
    assert len(frames) == 24
    np.testing.assert_allclose(clip, frames[9:15] / 255, atol=1e-6)


def test_a_clip_longer_than_the_video_repeats_it(video):
    clip, _ = centre_clip(video, ClipSpec(frames=30, resolution=32, frames_per_second=12.0))
    np.testing.assert_array_equal(clip[24:], clip[:6])


def test_the_middle_of_a_part_is_the_parts(tmp_path):
    path = write_video(tmp_path / "numbered.mp4", numbered_frames(60), 10.0)
    clip, _ = centre_clip(
        ClipFile(path, "", start=2.0, end=5.0), ClipSpec(frames=4, resolution=48, frames_per_second=10)
    )
    square = numbered_frames(60)[33:37, :, 8:56] / 255
    np.testing.assert_allclose(clip, square, atol=0.02)


def test_the_command_prints_the_best_classes(video, member, capsys):
    assert main(["predict", str(video), "--model", str(member), "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.split()[0].endswith("%") and line.split()[1] in LABELS for line in lines)


def told(arguments, capsys):
    assert main(["predict", *map(str, arguments), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_is_a_line_for_each_video_and_broken_ones_have_a_reason(video, member, tmp_path, capsys):
    (tmp_path / "b.mp4").write_bytes(video.read_bytes()[:900])
    (tmp_path / "c").mkdir()
    for name in ("a.mp4", "c/d.mp4"):
        (tmp_path / name).write_bytes(video.read_bytes())
    (tmp_path / "notes.txt").write_text("no video")
    rows = told([tmp_path, "--model", member], capsys)
    assert [row["video"] for row in rows] == [str(tmp_path / name) for name in ("a.mp4", "b.mp4", "c/d.mp4")]
    assert rows[0]["classes"] == rows[2]["classes"] == told([video, "--model", member], capsys)[0]["classes"]
    assert "not a video that can be opened" in rows[1]["error"]
    assert main(["predict", str(tmp_path), "--model", str(member)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [row["video"] for row in rows]
    for name in ("a.mp4", "c/d.mp4"):
        (tmp_path / name).write_bytes(b"broken")
    assert main(["predict", str(tmp_path), "--model", str(member)]) == 1  # none could be read


def test_a_folder_is_followed_frame_by_frame(video, tmp_path, capsys):
    causal = write_member(tmp_path / "causal", CAUSAL)
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / "videos" / name, numbered_frames(12), 6.0)
    rows = told([tmp_path / "videos", "--model", causal, "--stream"], capsys)
    assert [(row["video"][-5:], row["seconds"]) for row in rows] == [
        ("a.mp4", 0.667), ("a.mp4", 1.667), ("b.mp4", 0.667), ("b.mp4", 1.667)
    ]  # fmt: skip


def test_several_models_answer_by_the_mean_of_their_logits(video, member, tmp_path, capsys):
    other = write_member(tmp_path, seed=1)
    (row,) = told([video, "--model", member, "--model", other], capsys)
    ensemble = load_ensemble([member, other])
    shares = class_probabilities(ensemble.logits(ensemble.clips(video)[0])[0])
    found = {each["label"]: each["probability"] for each in row["classes"]}
    assert [found[label] for label in LABELS] == pytest.approx(shares, abs=1e-5)


def test_only_probabilities_of_the_threshold_or_more_are_shown(video, member, capsys):
    (row,) = told([video, "--model", member], capsys)
    shares = sorted((each["probability"] for each in row["classes"]), reverse=True)
    (few,) = told([video, "--model", member, "--threshold", str((shares[0] + shares[1]) / 2)], capsys)
    assert few["classes"] == row["classes"][:1]


def test_small_videos_and_damage_are_noted(member, tmp_path, capsys):
    small = write_video(tmp_path / "small.mp4", numbered_frames(12, 16, 32), 6.0)
    (row,) = told([small, "--model", member], capsys)
    assert row["notes"] == ["16 pixels where the model's are 24, so that they are enlarged"]
    assert main(["predict", str(small), "--model", str(member)]) == 0
    assert f"note: {small}: 16 pixels where" in capsys.readouterr().err


def test_a_video_shorter_than_the_clip_is_noted(member, tmp_path, capsys):
    short = write_video(tmp_path / "short.mp4", numbered_frames(3), 6.0)
    (row,) = told([short, "--model", member], capsys)
    assert row["notes"] == ["0.5 s where the model's clip has 1.33, so that it is repeated"]


def one_line_error(arguments, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (error,) = [line for line in captured.err.splitlines() if line != "loading the network ..."]
    assert error.startswith("error: ")
    return error


def test_a_folder_without_a_model_names_those_below_it(video, member, tmp_path, capsys):
    assert "no model here" in one_line_error(["predict", str(video), "--model", str(tmp_path)], capsys)
    with pytest.raises(MemberError, match=f"models are in {member}"):
        read_member(member.parent)


def test_a_file_that_is_no_video_says_why(video, member, tmp_path, capsys):
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert f"{truncated}: " in one_line_error(["predict", str(truncated), "--model", str(member)], capsys)
    missing = str(tmp_path / "missing.mp4")
    assert "No such file" in one_line_error(["predict", missing, "--model", str(member)], capsys)


def test_weights_of_another_network_are_refused(video, member, tmp_path, capsys):
    other = MovinetSpec(SPEC.stem, SPEC.blocks, HeadSpec(24, 16), SPEC.clip)
    (tmp_path / "spec.yaml").write_text(spec_to_yaml(other))
    for name in ("labels.json", "model.keras"):
        (tmp_path / name).write_bytes((member / name).read_bytes())
    error = one_line_error(["predict", str(video), "--model", str(tmp_path)], capsys)
    assert "model.keras does not hold the weights of spec.yaml" in error


@pytest.mark.parametrize("labels", ["{", "[]", '{"a": 1}', "[1, 2]"])
def test_wrong_labels_are_refused(video, member, tmp_path, labels, capsys):
    for name in ("spec.yaml", "model.keras"):
        (tmp_path / name).write_bytes((member / name).read_bytes())
    (tmp_path / "labels.json").write_text(labels)
    assert "labels.json" in one_line_error(["predict", str(video), "--model", str(tmp_path)], capsys)


def test_the_cost_command_prints_the_published_sizes(tmp_path, capsys):
    (tmp_path / "spec.yaml").write_text(spec_to_yaml(SPEC))
    assert main(["cost", "a0-base", str(tmp_path / "spec.yaml")]) == 0
    header, a0, own = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["network", "clip", "MFLOPs"]
    assert a0.split() == ["a0-base", "50", "x", "172²", "2,630.7", "3,126,071", *a0.split()[-4:]]
    assert own.split()[:4] == [str(tmp_path / "spec.yaml"), "4", "x", "24²"]


def test_the_data_command_writes_moving_shapes_and_checks_them(tmp_path, capsys):
    folder = str(tmp_path / "shapes")
    assert main(["data", "synthesize", folder, "--train-clips", "1", "--val-clips", "1", "--seed", "3"]) == 0
    assert capsys.readouterr().out.split() == [folder]
    assert main(["data", "check", folder]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "24 clips are good, 0 are not"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cost", "b"], "b: no file and no published network; allowed: a spec.yaml or a0-base"),
        (["cost", "a0-base", "--size", "0"], "--size 0 is not allowed"),
        (["data", "synthesize", "x", "--train-clips", "0"], "train_clips=0 is not allowed; allowed: an integer >= 1"),
        (["data", "synthesize", "x", "--workers", "0"], "--workers 0 is not allowed"),
        (["data", "check", "nowhere"], "nowhere: no such file or folder"),
        (["predict", "x.mp4", "--model", "m", "--top", "0"], "--top 0 is not allowed"),
        (["predict", "x.mp4", "--model", "m", "--fps", "0"], "--fps 0.0 is not allowed; allowed: > 0"),
        (["predict", "x.mp4", "--model", "m", "--threshold", "2"], "--threshold 2.0 is not allowed; allowed: 0 to 1"),
        (["predict", "x.mp4", "--model", "m", "--pool", "window:3"], "--pool is for --stream"),
        (["predict", "x.mp4", "--model", "m", "--overlay", "a.avi"], "allowed: a file that ends in .mp4, .mkv, .mov"),
        (["predict", "x.mp4", "--model", "m", "--plot", "a.pdf"], "allowed: a file that ends in .png, .gif"),
        (["predict", "x.mp4", "--model", "m", "--temporal-ensemble"], "--temporal-ensemble takes two models, not 1"),
    ],
)
def test_bad_arguments_are_one_line(arguments, message, capsys):
    assert message in one_line_error(arguments, capsys)
