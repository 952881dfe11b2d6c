"""`python -m movinet bench models`: a real measurement, tables, and what is refused."""

import dataclasses
import json
import re
import sys

import pytest

from movinet.__main__ import main
from movinet.bench.networks.networks import NetworkJob, NetworkMeasurement, jobs, measure
from movinet.bench.networks.table import markdown, write
from movinet.presets import preset
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec, spec_to_yaml

TINY = MovinetSpec(
    StemSpec(4), (BlockSpec(4, (LayerSpec(8, (3, 3, 3)),)),), HeadSpec(8, 8), ClipSpec(2, 16), causal=True
)
MACHINE = {"processor": "Z80", "cores": 2, "threads": 1, "system": "CP/M", "date": "1982-01-31"}
BASE = NetworkMeasurement("a0-base", "forward", "ours", (1, 50, 172), 2_700_000_000)
MEASURED = [
    dataclasses.replace(
        BASE, side=side, parameters=3_126_071, milliseconds=ms, runs=5, peak_bytes=peak, libraries_bytes=7 * 10**8
    )
    for side, ms, peak in (("ours", 160.0, 10**9), ("fused", 99.5, 9 * 10**8), ("peer", 6_900.0, 2 * 10**9))
]


def cells(text: str) -> list[dict[str, str]]:
    """The rows of a Markdown table, by heading."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], row, strict=True)) for row in lines[2:]]


@pytest.mark.slow
def test_a_real_sitting(tmp_path, capsys):
    spec, report, data = tmp_path / "tiny.yaml", tmp_path / "table.md", tmp_path / "table.json"
    spec.write_text(spec_to_yaml(dataclasses.replace(TINY, causal=False)))
    files = ["--out", str(report), str(data)]
    assert main(["bench", "models", "--networks", str(spec), "--runs", "1", "--threads", "1", *files]) == 0
    out, err = capsys.readouterr()
    assert out == report.read_text(encoding="utf-8")
    assert "[3/3, " in err
    assert " left] " in err
    rows = cells(out)
    assert [row["measured"] for row in rows] == ["forward", "training step"]
    assert rows[1]["fused, ms"] == "-"
    measurements = [NetworkMeasurement(**m) for m in json.loads(data.read_text())["measurements"]]
    assert [m.failure for m in measurements] == [None] * 3
    for m in measurements:
        assert m.runs == 1
        assert (m.milliseconds or 0) > 0
        assert (m.peak_bytes or 0) > (m.libraries_bytes or 0) > 5e7
    assert measurements[0].parameters != measurements[1].parameters


@pytest.mark.slow
def test_a_frame_of_a_stream_is_measured_fused_too():
    job = NetworkJob("tiny", TINY, "frame", "fused", (1, 1, 16), 3, 10.0, 1)
    result = measure(job, sys.executable, 300)
    assert (result.failure, result.runs) == (None, 3)


def test_every_side_measures_what_it_can():
    networks = {"a0-stream": preset("a0-stream"), "mine.yaml": dataclasses.replace(TINY, causal=False)}
    found = {(job.network, job.what, job.side, job.clip) for job in jobs(networks, peer=True)}
    streams = {("forward", (1, 50, 172), 3), ("training", (4, 8, 112), 2), ("frame", (1, 1, 172), 3)}
    expected = {("a0-stream", what, side, clip) for what, clip, _ in streams for side in ("ours", "fused", "peer")}
    expected -= {("a0-stream", "training", "fused", (4, 8, 112))}
    expected |= {("mine.yaml", "forward", side, (1, 2, 16)) for side in ("ours", "fused")}
    assert found == expected | {("mine.yaml", "training", "ours", (4, 8, 112))}


def test_a_failure_is_a_cell_with_its_reason(tmp_path):
    job = NetworkJob("a0-base", preset("a0-base"), "forward", "peer", (1, 50, 172), 1, 1.0, 1)
    crashing, hanging, killed, broken = (tmp_path / name for name in ("crashing", "hanging", "killed", "broken"))
    crashing.write_text(
        "#!/bin/sh\necho 'tf.ResourceExhaustedError: no memory for (1, 50)' >&2\necho '  see above' >&2\nexit 1\n"
    )
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    broken.write_text("#!/bin/sh\necho 'INFO: all is well' >&2\nkill -SEGV $$\n")
    reasons = []
    for program in (crashing, hanging, killed, broken):
        program.chmod(0o755)
        reasons.append(measure(job, str(program), 1).failure)
    assert reasons == [
        "tf.ResourceExhaustedError: no memory for (1, 50)",
        "over 1 s",
        "killed, probably out of memory",
        "ended by SIGSEGV",
    ]
    text = markdown([*MEASURED[:2], dataclasses.replace(BASE, side="peer", failure="over 1 s")], MACHINE)
    assert cells(text)[0]["Model Garden, ms"] == "failed"
    assert cells(text)[0]["ours, times faster"] == "-"
    assert "- a0-base forward, Model Garden: over 1 s\n" in text


def test_the_table_shows_figures_and_ratios():
    text = markdown(MEASURED, MACHINE)
    (row,) = cells(text)
    assert row == {
        "network": "a0-base",
        "measured": "forward",
        "clip": "1x50x172²",
        "GFLOPs": "2.7",
        "parameters": "3,126,071",
        "ours, ms": "160",
        "fused, ms": "99.5",
        "Model Garden, ms": "6,900",
        "ours, times faster": "43.1x",
        "fused, times faster": "69.3x",
        "ours, peak MB": "1,000",
        "fused, peak MB": "900",
        "Model Garden, peak MB": "2,000",
    }
    assert len({len(line) for line in text.splitlines() if line[:1] == "|"}) == 1
    assert "Z80, 1 of 2 cores, CP/M, 1982-01-31." in text
    assert "times faster" not in markdown(MEASURED[:2], MACHINE)


def test_files_are_replaced_at_once(tmp_path):
    path = tmp_path / "table.json"
    for count in (1, 3):
        write(path, MEASURED[:count], MACHINE)
        found = json.loads(path.read_text())["measurements"]
        assert [NetworkMeasurement(**m | {"clip": tuple(m["clip"])}) for m in found] == MEASURED[:count]
    assert list(tmp_path.iterdir()) == [path]


REFUSED = {
    "--runs 0": "--runs 0 is not allowed; allowed: 1 or more",
    "--threads -1": "--threads -1 is not allowed; allowed: 0 or more",
    "--limit 0": "--limit 0.0 is not allowed; allowed: 1 or more",
    "--networks b": "b: no file and no published network; allowed: a spec.yaml or a0-base",
    "--out table.csv": "--out table.csv is not allowed; allowed: a file that ends in .json or .md",
    "--out no/folder/table.md": "--out no/folder/table.md: no/folder is no folder",
    "--peer no-python": "--peer no-python is no program; allowed: the python of an environment with Model Garden",
    f"--peer {sys.executable}": f"--peer {sys.executable} has no tf-models-official; ",
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.items())
def test_bad_arguments_are_one_clear_line(arguments, message, capsys):
    assert main(["bench", "models", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert re.fullmatch(re.escape(f"error: {message}") + "[^\n]*\n", err)
