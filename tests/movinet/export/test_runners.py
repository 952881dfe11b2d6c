"""The generated runners: nothing but their runtime beside them, and the logits of the network."""

import json
import runpy
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import keras
import numpy as np
import pytest
from packaging.requirements import Requirement

from movinet.export.run import export
from tests.support.exports import CLIP, LABELS, built, frames, keras_logits, written

LITERT_JS = "@litertjs/core@2.5.3"
KINDS = {
    "stream": {},
    "rank4": {"rank4": True},
    "clip": {"stream": False},
    "float16": {"quantize": "float16"},
    "dynamic": {"quantize": "dynamic"},
    "int8": {"quantize": "int8"},
}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return built()


@pytest.fixture
def stream_file() -> Path:
    return written("litert")


def run(command: list, folder: Path, seconds: int = 120) -> subprocess.CompletedProcess:
    command = list(map(str, command))
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=seconds)


def needed_by(name: str, found: dict | None = None) -> dict:
    """An installed distribution and all that it needs, by name."""
    found = {} if found is None else found
    if name not in found:
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed_by(requirement.name, found)
    return found


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory) -> Path:
    """The interpreter of an environment that has the LiteRT runtime, what that needs, and nothing else."""
    pytest.importorskip("ai_edge_litert")
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for package in needed_by("ai-edge-litert").values():
        tops = {file.parts[0] for file in package.files if file.parts[0] not in ("..", "__pycache__")}
        for top in tops - {path.name for path in site.iterdir()}:
            (site / top).symlink_to(package.locate_file(top))
    return folder / "bin" / "python"


def shown(shares: np.ndarray) -> list[str]:
    return [f"{shares[index]:7.1%}  {LABELS[index]}" for index in np.argsort(-shares)]


def test_the_python_runner_needs_its_runtime_alone(model, stream_file, bare_python, tmp_path):
    for absent in ("tensorflow", "keras", "movinet"):
        assert "No module named" in run([bare_python, "-c", f"import {absent}"], tmp_path).stderr
    video = (frames(9) * 255).astype(np.uint8)
    np.save(tmp_path / "video.npy", video)
    done = run([bare_python, stream_file.with_name("net_runner.py"), "video.npy"], tmp_path)
    logits = keras_logits(model, video.astype(np.float32) / 255)[-1]
    assert done.stdout.splitlines() == shown(np.exp(logits) / np.exp(logits).sum())


def test_the_runner_of_a_multi_label_network_shows_the_sigmoid_of_each_class(model, tmp_path):
    export(model, tmp_path / "net.tflite", clip=CLIP, labels=LABELS, multi_label=True, stream=False)
    assert json.loads((tmp_path / "net.json").read_text())["multi_label"] is True
    np.save(tmp_path / "video.npy", frames(CLIP.frames))
    done = run([sys.executable, "net_runner.py", "video.npy"], tmp_path)
    logits = np.asarray(model(frames(CLIP.frames)[None]))[0]
    assert done.stdout.splitlines() == shown(1 / (1 + np.exp(-logits)))


@pytest.mark.parametrize("kind", ["stream", "rank4"])
def test_a_runner_is_the_network_for_any_type_of_frames_and_again_after_a_reset(kind, model, tmp_path):
    export(model, tmp_path / "net.tflite", clip=CLIP, at_frames=(2,), **KINDS[kind])
    runner = runpy.run_path(str(tmp_path / "net_runner.py"))["Runner"](tmp_path)
    video = np.random.default_rng(0).integers(0, 256, (CLIP.frames, CLIP.resolution, CLIP.resolution, 3))
    wanted = keras_logits(model, video.astype(np.float32) / 255)[-1]
    for frames_of_a_type in (video, video.astype(np.uint8), video / 255, video.astype(np.float32) / 255):
        logits = [runner.push(frame) for frame in frames_of_a_type][-1]
        np.testing.assert_allclose(logits, wanted, rtol=1e-4, atol=1e-5)
        runner.reset()


def test_a_runner_without_frames_says_how_it_is_called(stream_file):
    done = run([sys.executable, "net_runner.py"], stream_file.parent)
    assert done.returncode == 1
    assert "python x_runner.py FRAMES.npy" in done.stderr


def test_frames_of_another_size_are_refused(stream_file, tmp_path):
    np.save(tmp_path / "video.npy", frames(3)[:, :10])
    done = run([sys.executable, stream_file.with_name("net_runner.py"), "video.npy"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "video.npy: (3, 10, 20, 3) is not allowed; allowed: 1 or more frames of [20, 20, 3]"
    )


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory) -> Path:
    """A folder in which Node finds LiteRT.js."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text("{}")
    done = run(["npm", "install", "--no-audit", "--no-fund", LITERT_JS], folder)
    if done.returncode:
        pytest.skip(f"npm cannot install {LITERT_JS}: {done.stderr[-300:]}")
    return folder


ROWS = """
import { readFileSync } from "node:fs";
import { load } from "./net_runner.mjs";
const runner = await load();
const size = runner.manifest.image.shape.reduce((a, b) => a * b, 1);
const { buffer } = new Uint8Array(readFileSync("frames.bin"));
const push = async (start) => Array.from(await runner.push(new Float32Array(buffer, 4 * start, size)));
const rows = [];
for (let start = 0; 4 * (start + size) <= buffer.byteLength; start += size) rows.push(await push(start));
runner.reset();
console.log(JSON.stringify([...rows, await push(0)]));
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_javascript_runner_gives_the_logits_of_the_python_runner(kind, model, node_folder):
    folder = node_folder / kind
    export(model, folder / "net.tflite", clip=CLIP, labels=LABELS, at_frames=(2,), **KINDS[kind])
    runner = runpy.run_path(str(folder / "net_runner.py"))["Runner"](folder)
    video, count = frames(10), runner.manifest["image"]["frames_per_call"]
    wanted = np.stack([runner.push(part) for part in np.split(video, len(video) // count)])
    (folder / "frames.bin").write_bytes(video.tobytes())
    (folder / "rows.mjs").write_text(ROWS)
    done = run(["node", "rows.mjs"], folder)
    assert done.returncode == 0, done.stderr
    *rows, again = json.loads(done.stdout)
    limit = 1e-4 if kind in ("stream", "rank4", "clip") else 2e-2
    np.testing.assert_allclose(rows, wanted, atol=limit * np.abs(wanted).max(), rtol=0)
    assert again == rows[0]  # reset forgets


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_both_runners_print_the_same(kind, stream_file, node_folder):
    folder = node_folder / kind
    shutil.copytree(stream_file.parent, folder)
    np.save(folder / "video.npy", frames(7) if kind == "float32" else (frames(7) * 255).astype(np.uint8))
    in_node = run(["node", "net_runner.mjs", "video.npy"], folder)
    assert in_node.stdout == run([sys.executable, "net_runner.py", "video.npy"], folder).stdout
    assert (len(in_node.stdout.splitlines()), in_node.stderr) == (len(LABELS), "")
    for video, shape in ((frames(0), "0,20,20,3"), (frames(3)[:, :10], "3,10,20,3")):
        np.save(folder / "video.npy", video)
        refused = run(["node", "net_runner.mjs", "video.npy"], folder).stderr
        assert f"video.npy: ({shape}) is not allowed; allowed: 1 or more frames of (20,20,3)" in refused


@pytest.mark.slow
def test_in_node_a_runner_may_have_any_name_and_says_in_a_line_what_is_missing(model, node_folder):
    folder = node_folder / "any name"
    export(model, folder / "50% \u043c#1?.tflite", clip=CLIP, labels=LABELS, at_frames=(2,))
    np.save(folder / "video.npy", frames(3))
    runner = "50% \u043c#1?_runner.mjs"
    assert len(run(["node", runner, "video.npy"], folder).stdout.splitlines()) == len(LABELS)
    for arguments, told in (([], "FRAMES.npy is missing"), (["no.npy"], "ENOENT"), ([runner], "the frames are of ano")):
        refused = run(["node", runner, *arguments], folder)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
        assert refused.stderr.startswith(f"error: {told}")
