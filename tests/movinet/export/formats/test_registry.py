"""Every format of the registry keeps the contract, and so does a newcomer's: one `Format`, one entry."""

import base64
import json
from pathlib import Path

import pytest
import tensorflow as tf

from movinet.__main__ import main
from movinet.export.formats.format import Format
from movinet.export.formats.registry import FORMATS, QUANTIZATIONS, forms
from movinet.export.job import ExportJob
from movinet.export.signature import Signature
from movinet.models.runtime import Call, Tensors
from tests.contracts.format_contract import FormatContract
from tests.support.paths import ROOT
from tests.support.predict_members import CAUSAL, write_member


class TestEveryFormat(FormatContract):
    @pytest.fixture(params=list(FORMATS))
    def name(self, request):
        return request.param


def write(job: ExportJob, signature: Signature, draft: Path) -> None:
    """TensorFlow's graph as JSON."""
    function = signature.concrete()
    content = base64.b64encode(function.graph.as_graph_def().SerializeToString()).decode()
    returned = {name: tensor.name for name, tensor in function.structured_outputs.items()}
    draft.write_text(json.dumps({"graph": content, "returned": returned}))


def call(file: Path) -> tuple[Call, str]:
    told = json.loads(file.read_text())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(tf.compat.v1.GraphDef.FromString(base64.b64decode(told["graph"])), name="")
    session = tf.compat.v1.Session(graph=graph)

    def run(inputs: Tensors) -> Tensors:
        return session.run(told["returned"], {f"{name}:0": value for name, value in inputs.items()})

    return run, "tensorflow"


GRAPH = Format(".graph", write, call, quantizations=("int8",), rank4=True)


class TestNewcomer(FormatContract):
    @pytest.fixture
    def name(self, monkeypatch):
        monkeypatch.setitem(FORMATS, "graph", GRAPH)
        return "graph"

    def test_the_command_offers_it(self, name, tmp_path, capsys):
        member = write_member(tmp_path / "A2", CAUSAL)
        asked = ["export", str(member), "--format", name, "--rank4", "--drift", "2", "--out", str(tmp_path)]
        assert main(asked) == 0
        assert "A2_stream_graph_rank4.graph: 0." in capsys.readouterr().out
        assert main([*asked, "--quantize", "float16"]) == 2
        told = capsys.readouterr().err
        assert told == "error: quantize 'float16' of graph is not allowed; allowed: int8\n"
        assert [form for form in forms() if "graph" in form] == [
            *("graph", "graph-rank4", "graph-int8", "graph-int8-rank4")
        ]


def test_the_document_tells_of_every_format_and_quantisation():
    table = (ROOT / "docs" / "export.md").read_text(encoding="utf-8").split("| asked for |")[1].split("\n\n")[0]
    for name, format in list(FORMATS.items())[1:]:
        assert f"`--format {name}`" in table
        assert not format.extra[0] or f'".[{format.extra[0]}]"' in table
    assert all(f"`--{what}`" in table or f" --{what}`" in table for what in ("rank4", "fixed"))
    assert all(quantize in table for quantize in QUANTIZATIONS)
