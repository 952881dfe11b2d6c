"""What every export format promises, as tests that any can be put through, the house's and yours:

class TestMine(FormatContract):
    @pytest.fixture
    def name(self):
        return "mine"  # a key of FORMATS
"""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from movinet.export.errors import ExportError
from movinet.export.formats.format import Format
from movinet.export.formats.registry import FORMATS, forms
from movinet.export.job import ExportJob, Form
from movinet.export.run import export
from movinet.export.write import signature_of
from tests.support.exports import CLIP, LABELS, SPEC, built, frames, written


class FormatContract:
    """A subclass has a fixture `name`, by which FORMATS knows the format while its tests run."""

    @pytest.fixture
    def name(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def format(self, name: str) -> Format:
        return FORMATS[name]

    @pytest.fixture
    def file(self, name: str, format: Format) -> Path:
        """A stream, or of a format without streams the network; no test writes to it."""
        if module := format.missing():
            pytest.skip(f"{module} is not installed")
        return written(name)

    def test_a_file_gives_the_logits_of_keras(self, name: str, format: Format, file: Path):
        model, video = built(), frames(CLIP.frames)
        wanted = np.asarray(model(video[None]))
        call, runtime = format.call(file)
        assert runtime == report_beside(file)["runtime"]
        if not format.streams:
            np.testing.assert_allclose(call({"image": video[None]})["logits"], wanted, rtol=1e-4, atol=1e-5)
            return
        signature = signature_of(ExportJob(model, Form(name), True, CLIP))
        states, returned = signature.first_states(), {}
        for frame in video:
            given = {"image": frame.reshape(signature.image), **states}
            returned = call(given)
            states = signature.next_states(given, returned)
        np.testing.assert_allclose(returned["logits"], wanted, rtol=1e-4, atol=1e-5)

    def test_a_report_tells_how_far_from_keras_it_is(self, name: str, file: Path):
        report = report_beside(file)
        assert (report["file"], report["format"], report["quantize"]) == (file.name, name, None)
        assert all(row["relative_error"] <= 1e-4 and row["same_class"] == 1 for row in report["agreement"])
        assert report["bytes"] == sum(each.stat().st_size for each in [file, *file.rglob("*")] if each.is_file())

    def test_beside_it_lie_a_report_and_with_runners_a_manifest_and_nothing_else(self, format: Format, file: Path):
        runners = {f"net_runner{Path(runner).suffix}" for runner in format.runners}
        manifest = {"net.json"} if format.runners else set()
        assert {each.name for each in file.parent.iterdir()} == {file.name, "net.report.json"} | manifest | runners

    def test_a_runner_gives_the_logits_of_keras(self, format: Format, file: Path):
        if not format.runs_here():
            pytest.skip("no runner, or its runtime is not installed")
        manifest = json.loads(file.with_name("net.json").read_text(encoding="utf-8"))
        assert manifest["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        runner = runpy.run_path(str(file.with_name("net_runner.py")))["Runner"](file.parent)
        logits = [runner.push(frame) for frame in frames(CLIP.frames)][-1]
        np.testing.assert_allclose(logits, built()(frames(CLIP.frames)[None])[0], rtol=1e-4, atol=1e-5)

    def test_what_it_does_not_offer_is_refused(self, name: str, format: Format, tmp_path: Path):
        path, model = tmp_path / f"net{format.suffix}", built()
        refused: list[dict] = [{"quantize": "int3"}]
        refused += [{what: True} for what in ("rank4", "fixed") if not getattr(format, what)]
        refused += [{"rank4": True, "stream": False}, {"labels": LABELS[:1]}]
        for options in refused:
            with pytest.raises(ExportError, match="allowed: "):
                export(model, path, name, clip=CLIP, **options)
        if format.suffix:
            with pytest.raises(ExportError, match=rf"net.bin: a {name} file must end in {format.suffix}"):
                export(model, tmp_path / "net.bin", name, clip=CLIP)
        with pytest.raises(ExportError, match="the network is not causal; allowed: whole clips"):
            export(built(replace(SPEC, causal=False)), path, name, clip=CLIP, stream=True)
        assert not list(tmp_path.iterdir())

    def test_layers_of_others_are_refused_unless_it_takes_them(self, name: str, format: Format, tmp_path: Path):
        clip = keras.Input((None, None, None, 3))
        other = keras.Model(clip, keras.layers.Dense(len(LABELS))(keras.ops.mean(clip, (1, 2, 3))))
        streamed: Iterable[bool] = (True, False) if not format.any_layers else (True,)
        for stream in streamed:
            with pytest.raises(ExportError, match="allowed: whole clips in float32, as "):
                export(other, tmp_path / f"net{format.suffix}", name, clip=CLIP, stream=stream)
        assert not list(tmp_path.iterdir())

    def test_what_is_not_an_export_of_its_kind_is_kept(self, name: str, format: Format, tmp_path: Path):
        path = tmp_path / f"net{format.suffix}"
        (path / "thesis").mkdir(parents=True)
        with pytest.raises(ExportError, match="allowed: "):
            export(built(), path, name, clip=CLIP)
        assert [each.name for each in tmp_path.rglob("*")] == [path.name, "thesis"]

    def test_a_file_whose_logits_are_wrong_leaves_nothing_behind(self, name: str, format: Format, tmp_path: Path):
        if format.missing():
            pytest.skip("its extra is not installed")
        broken, path = built(), tmp_path / f"net{format.suffix}"
        broken.weights[-1].assign(np.full(len(LABELS), np.nan))
        with pytest.raises(ExportError, match="the logits are nan off those of Keras"):
            export(broken, path, name, clip=CLIP, stream=False, clips=[frames(1)])
        assert not list(tmp_path.iterdir())

    def test_without_its_extra_it_says_so(self, name: str, format: Format, tmp_path: Path, monkeypatch):
        extra, modules = format.extra
        for module in modules:
            monkeypatch.setitem(sys.modules, module, None)
            with pytest.raises(ExportError, match=f'{name} files need the extra "{extra}"'):
                export(built(), tmp_path / f"net{format.suffix}", name, clip=CLIP)
        assert not list(tmp_path.iterdir())

    def test_it_is_named_in_every_form(self, name: str, format: Format):
        mine = [form for form in forms().values() if form.format == name]
        assert len(mine) == (1 + len(format.quantizations)) * (1 + format.rank4) * (1 + format.fixed)
        assert forms().keys() >= {form.name for form in mine}


def report_beside(file: Path) -> dict:
    """What the export told of a file called net."""
    return json.loads(file.with_name("net.report.json").read_text(encoding="utf-8"))
