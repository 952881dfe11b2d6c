"""`python -m movinet bench deploy`: a real sitting of all formats, Model Garden's files, tables, what is refused."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from movinet.__main__ import main
from movinet.bench.deploy.clips import write_clips
from movinet.bench.deploy.files import forms_of, network_or_random, write_peer
from movinet.bench.deploy.plot import draw
from movinet.bench.deploy.runner import opened
from movinet.bench.deploy.sitting import FileMeasurement, Plan, Sitting
from movinet.bench.deploy.table import markdown, ratio
from movinet.data.centre import centre_clip
from movinet.data.sources.clip_set import SourceError
from movinet.export.formats.registry import forms
from movinet.spec import ClipSpec
from movinet.streaming import Stream
from tests.movinet.bench.test_networks import MACHINE, cells
from tests.support.clip_files import write_video
from tests.support.predict_members import CAUSAL, LABELS, SPEC, write_member

PEER = os.environ.get("MOVINET_PEER")  # the python of an environment with Model Garden
SITTING = MACHINE | {
    "date": "1982-01-31",
    "load_average": 0.1,
    "network": "a0-stream",
    "streams": True,
    "random": False,
}
SITTING |= {"frames": 1, "size": 172, "rounds": 3, "clips": 40}
OURS = FileMeasurement(
    "ours", "int8", 1, 4_100_000, 2.5, 3.25, 2.6, 300, (2.4, 2.5, 2.7), 31.0, 65_800_000, 5 * 10**7, 0.75
)
GARDEN = dataclasses.replace(OURS, side="peer", form="float32", p50_ms=5.0, bytes=14_000_000, top1=0.8)
FAILED = FileMeasurement("ours", "onnx", 1, failure="no Einsum")


@pytest.fixture(scope="module")
def member(tmp_path_factory) -> Path:
    """The folder of a tiny causal network."""
    return write_member(tmp_path_factory.mktemp("tiny"), CAUSAL)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """Two clips of each class, four frames each, and one more that is none."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for number, label in enumerate(LABELS * 2):
        coarse = rng.integers(0, 256, (4, 4, 4, 3), np.uint8)
        write_video(folder / "val" / label / f"{number}.mp4", coarse.repeat(12, 1).repeat(12, 2), 3.0)
    (folder / "val" / LABELS[0] / "broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def sitting(member, clips, tmp_path_factory):
    """All formats, measured: the folder of the files and of the reports."""
    out = tmp_path_factory.mktemp("out")
    reports = [str(out / name) for name in ("table.md", "table.json", "plot.png")]
    how = ["--threads", "1", "--runs", "3", "--rounds", "1", "--clips", str(clips), "--keep", str(out)]
    assert main(["bench", "deploy", str(member), *how, "--out", *reports]) == 0
    return out


def test_every_format_is_measured(member, clips, sitting):
    measured = [FileMeasurement(**m) for m in json.loads((sitting / "table.json").read_text())["measurements"]]
    assert [m.form for m in measured] == forms_of(network_or_random(str(member)))
    assert {"float32", "float16-rank4", "dynamic", "int8-rank4"} <= {m.form for m in measured}
    for m in measured:
        assert m.failure is None
        assert (m.calls, len(m.rounds_ms)) == (3, 1)
        assert 0 < min(m.rounds_ms) <= m.p50_ms <= m.p95_ms
        assert m.load_ms > 0
        assert m.bytes == next(sitting.glob(f"*_{m.form}.[to]*")).stat().st_size
        assert m.peak_bytes > m.libraries_bytes > 1e7
    sizes = {m.form: m.bytes for m in measured}
    assert sizes["float16"] < sizes["float32"]


def test_accuracy_is_that_of_the_network(member, clips, sitting):
    network = network_or_random(str(member))
    right = []
    for number, label in enumerate(LABELS * 2):
        frames, _ = centre_clip(clips / "val" / label / f"{number}.mp4", network.clip)
        logits = network.logits(frames)
        right.append(LABELS[logits.argmax()] == label)
    measured = json.loads((sitting / "table.json").read_text())["measurements"]
    assert 0 < np.mean(right) < 1
    assert next(m["top1"] for m in measured if m["form"] == "float32") == pytest.approx(np.mean(right))
    assert all(m["top1"] is not None for m in measured)


def test_the_reports_show_every_file(member, sitting):
    rows = cells((sitting / "table.md").read_text(encoding="utf-8"))
    assert [row["file"] for row in rows] == forms_of(network_or_random(str(member)))
    assert {row["threads"] for row in rows} == {"1"}
    assert Image.open(sitting / "plot.png").width > 1000


def test_a_file_is_measured_without_tensorflow(member, sitting):
    job = {"file": str(sitting / f"{member.name}_float32.tflite"), "threads": 2, "runs": 1, "seconds": 1}
    code = (
        "import json, sys; from movinet.bench.deploy.runner import measure\n"
        f"measure({job!r})\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"numpy", "ai_edge_litert"} <= loaded
    assert not loaded & {"tensorflow", "keras", "av", "matplotlib"}


def test_what_cannot_be_written_or_measured_is_a_row_with_its_reason(tmp_path):
    base = network_or_random(str(write_member(tmp_path / "base", SPEC)))
    both, told = (forms()["float32-rank4"], forms()["float32"]), []
    sitting = Sitting(base, Plan(both, (1, 2), runs=1, rounds=2), tmp_path)
    assert len(list(sitting.run(told.append))) == 10
    assert told[2].endswith("timing ours float32-rank4, 1 thread, left out")
    first, other, *_ = sitting.measurements()
    assert (first.p50_ms, first.failure) == (None, "rank4 is not allowed here; allowed: for streams as litert or onnx")
    assert (other.calls, len(other.rounds_ms)) == (2, 2)
    hurried = Sitting(base, Plan((forms()["float32"],), (1,), 1, 1, limit=0.01), tmp_path)
    list(hurried.run(told.append))
    assert [m.failure for m in hurried.measurements()] == ["over 0.01 s"]


def test_nothing_is_kept_unless_asked(tmp_path, capsys, monkeypatch):
    folder = write_member(tmp_path / "base", SPEC)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    how = ["--formats", "float32", "--threads", "1", "--runs", "1", "--rounds", "1"]
    assert main(["bench", "deploy", str(folder), *how]) == 0
    (row,) = cells(capsys.readouterr().out)
    assert float(row["file MB"]) > 0
    assert list((tmp_path / "scratch").iterdir()) == []


def test_files_take_turns_with_model_gardens():
    three = tuple(forms()[name] for name in ("float32", "int8", "dynamic"))
    ours = [("ours", form.name) for form in three]
    assert Plan(three).files() == ours
    assert Plan(three, peer="python").files() == [
        ("ours", "float32"),
        ("peer", "float32"),
        ("ours", "int8"),
        ("ours", "dynamic"),
        ("peer", "dynamic"),
    ]
    assert Plan((three[1],), peer="python").files() == [("ours", "int8"), ("peer", "float32"), ("peer", "dynamic")]


def test_model_gardens_files_are_made_once(member, sitting, tmp_path):
    """Its interpreter is played by one that hands out a file of ours, which has the same states."""
    peer, given = tmp_path / "peer", sitting / f"{member.name}_float32.tflite"
    peer.write_text(
        "#!/bin/sh\n"
        f"""exec '{sys.executable}' -c 'import json, shutil, sys; job = json.loads(sys.argv[2])\n"""
        f"""[shutil.copy("{given}", file) for file in job["files"].values()]\n"""
        """print(json.dumps({"tensorflow": "0"}))' "$@"\n"""
    )
    peer.chmod(0o755)
    network = network_or_random(str(member))
    found = write_peer(network, str(peer), tmp_path, 60)
    assert found == {form: tmp_path / f"{network.name}_peer_{form}.tflite" for form in ("float32", "dynamic")}
    logits = [opened(file, 1)[0].push(np.ones((1, 24, 24, 3), np.float32)) for file in (given, found["float32"])]
    np.testing.assert_array_equal(*logits)
    no_peer = str(tmp_path / "false")
    Path(no_peer).write_text("#!/bin/sh\necho 'No module named official' >&2\nexit 1\n")
    Path(no_peer).chmod(0o755)
    assert write_peer(network, no_peer, tmp_path, 60) == found
    (weight := network.keras_network().weights[0]).assign_add(np.ones(weight.shape))  # other weights are other files
    assert set(write_peer(network, no_peer, tmp_path, 60).values()) == {"No module named official"}


@pytest.mark.slow
@pytest.mark.skipif(not PEER, reason="MOVINET_PEER names no python with Model Garden")
def test_model_gardens_files_are_of_the_same_network(tmp_path):
    network = dataclasses.replace(network_or_random("t0-stream"), clip=ClipSpec(2, 32, 10.0))
    frames = np.random.default_rng(0).random((3, 1, 32, 32, 3), np.float32)
    stream = Stream(network.keras_network())
    wanted = [np.asarray(stream.push(frame[None]))[0] for frame in frames]
    found = write_peer(network, str(PEER), tmp_path, 600)
    for form, limit in (("float32", 1e-4), ("dynamic", 0.2)):
        video, _ = opened(found[form], 1)
        logits = [video.push(frame) for frame in frames]
        np.testing.assert_allclose(logits, wanted, atol=limit * np.abs(wanted).max())


def test_clips_are_those_of_the_val_split(clips, tmp_path):
    found = write_clips(str(clips), LABELS, ClipSpec(4, 24, 3.0), 100, tmp_path)
    assert sorted(found.classes) == [0, 0, 1, 1, 2, 2]
    shapes = {(np.load(file).shape, np.load(file).dtype.name) for file in found.files}
    assert shapes == {((4, 24, 24, 3), "uint8")}
    assert found.accuracy([0] * 6) == pytest.approx(1 / 3)
    assert len(write_clips(str(clips), LABELS, ClipSpec(4, 24, 3.0), 2, tmp_path).files) == 2
    with pytest.raises(SourceError, match="class 'turns' is none of the network's; allowed: falls, rises"):
        write_clips(str(clips), LABELS[:2], ClipSpec(4, 24, 3.0), 2, tmp_path)


def test_the_table_shows_figures_and_ratios():
    text = markdown([OURS, GARDEN, FAILED], SITTING)
    first, second, third = cells(text)
    assert first == {
        "file": "int8",
        "threads": "1",
        "p50 ms": "2.5",
        "p95 ms": "3.25",
        "mean ms": "2.6",
        "load ms": "31",
        "peak MB": "65.8",
        "file MB": "4.1",
        "top-1": "75.0%",
        "times faster than Model Garden float32": "2.00x",
    }
    assert second["file"] == "Model Garden float32"
    assert second["times faster than Model Garden float32"] == "1.00x"
    assert (third["p50 ms"], third["peak MB"], third["top-1"]) == ("failed", "-", "-")
    assert "- onnx: no Einsum\n" in text
    assert "which passes all states on, for 1 frame of 172²." in text
    assert "Top-1: of 40 clips, frame by frame." in text
    assert "random" not in text
    alone = markdown([dataclasses.replace(OURS, top1=None)], SITTING | {"random": True, "clips": 0})
    assert "Model Garden" not in alone
    assert "top-1" not in alone.lower()
    assert "weights are random" in alone


def test_a_ratio_is_of_as_many_threads():
    slower = dataclasses.replace(GARDEN, threads=2, p50_ms=10.0)
    assert ratio(dataclasses.replace(OURS, threads=2), [GARDEN, slower]) == 4
    assert ratio(OURS, [slower]) is None
    assert ratio(FAILED, [GARDEN]) is None


def test_the_plot_is_wider_where_accuracy_is_known(tmp_path):
    draw([OURS, GARDEN, FAILED], SITTING, tmp_path / "judged.png")
    blind = [dataclasses.replace(m, top1=None) for m in (OURS, GARDEN)]
    draw(blind, SITTING, tmp_path / "blind.png")
    judged, plain = (Image.open(tmp_path / name).size for name in ("judged.png", "blind.png"))
    assert judged[0] > plain[0]
    assert judged[1] > plain[1]  # a row more
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blind.png", "judged.png"]


def test_random_weights_are_the_same_each_time_and_none_is_dead():
    first, again = network_or_random("t0-stream"), network_or_random("t0-stream")
    assert not first.labels
    for weight, other in zip(first.keras_network().weights, again.keras_network().weights, strict=True):
        np.testing.assert_array_equal(weight, other)
        assert np.all(np.asarray(weight).reshape(-1)[:100] != 0)


REFUSED = {
    "a9-stream": "a9-stream: no such file or folder",
    "a0-stream --threads 1 0": "--threads 0 is not allowed; allowed: 1 or more",
    "a0-stream --clip-count 0": "--clip-count 0 is not allowed; allowed: 1 or more",
    "a0-stream --formats int4": "--formats int4 is not allowed; allowed: float32, float32-rank4",
    "a0-stream --out table.csv": "--out table.csv is not allowed; allowed: a file that ends in .json or .md or .png",
    "a0-stream --clips data": "--clips needs trained weights; allowed: a0-stream with --weights",
    "mine.keras --peer python": "--peer is for published names (a0-base",
    "a0-stream --peer no-python": "--peer no-python is no program; allowed: the python of an environment with Model",
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.items())
def test_bad_arguments_are_one_clear_line(arguments, message, capsys):
    assert main(["bench", "deploy", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert re.fullmatch(r"(loading [^\n]*\n)?" + re.escape(f"error: {message}") + "[^\n]*\n", err)


def test_a_form_for_streams_alone_is_refused_of_a_network_of_whole_clips(tmp_path, capsys):
    folder = write_member(tmp_path / "base", SPEC)
    assert main(["bench", "deploy", str(folder), "--formats", "float32", "int8-rank4"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == "error: --formats int8-rank4 is for streams, and base takes whole clips"


def test_a_sitting_in_which_every_file_failed_is_no_success(tmp_path, capsys):
    folder = write_member(tmp_path / "base", SPEC)
    network = network_or_random(str(folder)).keras_network()
    network.weights[-1].assign(np.full(len(LABELS), np.nan))
    network.save(folder / "model.keras")
    how = ["--formats", "float32", "--threads", "1", "--runs", "1", "--rounds", "1"]
    assert main(["bench", "deploy", str(folder), *how]) == 1
    assert "- float32: base_float32.tflite: after 4 frames the logits are nan off" in capsys.readouterr().out
