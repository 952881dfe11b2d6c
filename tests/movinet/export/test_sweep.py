"""A spread of benchmarks/export_sweep.py: published and random networks export, load in their runtime and agree."""

import dataclasses
import json
import sys

import pytest

from benchmarks.export_sweep import exported, main, networks, with_bounded_weights
from movinet.spec import ClipSpec
from tests.support.paths import ROOT

CLIP = ClipSpec(4, 32, 5.0)
SPACE = str(ROOT / "configs/spaces/movinet.yaml")
LIMITS = {"float16": 1e-2, "dynamic": 0.1, "int8": 0.3}  # others: 1e-4
SPREAD = {  # the two candidates are the smallest of twenty; an odd one has positional encodings as a stream
    "t0-base": ["float32", "float16", "onnx"],
    "t0-stream": ["float16", "int8", "float32-rank4", "saved_model"],
    "a0-base": ["dynamic", "keras"],
    "a0-stream": ["float32", "dynamic", "onnx"],
    "candidate2-base": ["int8", "saved_model"],
    "candidate5-stream": ["float32", "float16", "float32-rank4", "keras"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SPREAD)
def test_networks_export_load_and_agree(name, tmp_path):
    spec = dict(networks(SPACE, 6))[name]
    model = with_bounded_weights(dataclasses.replace(spec, clip=CLIP))
    for file in SPREAD[name]:
        if file == "onnx":
            pytest.importorskip("tf2onnx")
            pytest.importorskip("onnxruntime")
        line = exported(name, model, CLIP, file, tmp_path)
        assert "refused" not in line, line["refused"]
        assert line["error"] <= LIMITS.get(file, 1e-4), line


def test_a_sweep_goes_on_where_it_ended_and_tells_the_worst(tmp_path, capsys, monkeypatch):
    done = [
        {"network": "t0-base", "file": "float32", "error": 3e-7},
        {"network": "t0-stream", "file": "float32", "error": 9e-7},
        {"network": "t0-stream", "file": "int8", "refused": "no"},
    ]
    (tmp_path / "found.jsonl").write_text("".join(json.dumps(line) + "\n" for line in done))
    arguments = ["--out", str(tmp_path / "found.jsonl"), "--networks", "t0", "--files", "float32", "--candidates", "0"]
    monkeypatch.setattr(sys, "argv", ["export_sweep.py", *arguments])
    assert main() == 1
    assert "| float32 | 2 | 0 | 9.0e-07 | t0-stream | 9.0e-07 |" in capsys.readouterr().out
