"""One rule of what is bad input, for both front doors; faults end with a traceback in a log."""

import ast
import errno
import importlib
from pathlib import Path

import numpy as np
import pytest

import run_search
from movinet import __main__ as movinet
from movinet.config.errors import InputError, answer, exit_code
from tests.support.paths import ROOT

PACKAGES = ("movinet", "space", "search", "results")


def error_classes():
    """Each class of ours that ends in Error, as module and name, without importing what is heavy."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
            if any(base.endswith("Error") for base in bases):
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts), node.name


@pytest.mark.parametrize(("module", "name"), list(error_classes()), ids=str)
def test_every_value_error_of_ours_is_bad_input(module, name):
    found = getattr(importlib.import_module(module), name)
    assert not issubclass(found, ValueError) or issubclass(found, InputError)


def test_the_rule():
    assert exit_code(InputError("x=1 is not allowed")) == 2
    assert exit_code(FileNotFoundError(errno.ENOENT, "No such file", "x.mp4")) == 2
    assert exit_code(OSError(errno.ENOSPC, "No space left", "x.mp4")) == 1
    assert exit_code(ValueError("could not broadcast")) == 1
    assert exit_code(KeyboardInterrupt()) == 130


def fails(*_, **__):
    np.zeros(3).reshape(2, 2)  # a library's ValueError


def test_a_librarys_fault_is_no_bad_input_of_movinet(monkeypatch, capsys):
    monkeypatch.setattr("movinet.cost.network_cost", fails)
    assert movinet.main(["cost", "a0-base"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("failed: ValueError: cannot reshape")
    log = Path(line.split("(details in ")[1].rstrip(")"))
    assert "Traceback" in log.read_text(encoding="utf-8")
    log.unlink()


def test_a_librarys_fault_is_no_bad_input_of_run_search(monkeypatch, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("space: {}\n", encoding="utf-8")
    monkeypatch.setattr("results.plots.write_front", fails)
    assert run_search.main(["plot", "mine", "--runs-folder", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    log = tmp_path / "mine" / "logs" / "run_search.log"
    assert line.startswith("failed: ValueError: cannot reshape")
    assert line.endswith(f"(details in {log})")
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_a_fault_that_cannot_be_logged_there_is_logged_elsewhere(tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert answer(RuntimeError("broken"), tmp_path / "file" / "x.log") == 1
    (line,) = capsys.readouterr().err.splitlines()
    log = Path(line.split("(details in ")[1].rstrip(")"))
    assert "RuntimeError: broken" in log.read_text(encoding="utf-8")
    log.unlink()
