"""The public names of each package: what the table says, editors see, and a program gets."""

import ast
import importlib

import pytest

from movinet.config.face import face
from tests.support.paths import ROOT

FACES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for package in ("movinet", "space", "search", "results")
    for path in (ROOT / package).rglob("__init__.py")
    if "MODULES" in path.read_text(encoding="utf-8")
)


def source_of(package: str) -> str:
    return (ROOT.joinpath(*package.split(".")) / "__init__.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", FACES)
def test_a_face_gives_what_its_table_says(package):
    module = importlib.import_module(package)
    for name, place in module.MODULES.items():
        where, _, other = place.partition(":")
        assert getattr(module, name) is getattr(importlib.import_module(where), other or name)
        assert name in dir(module)


@pytest.mark.parametrize("package", FACES)
def test_type_checkers_see_the_same_names(package):
    seen = set()
    for node in ast.walk(ast.parse(source_of(package))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for each in node.body:
                if isinstance(each, ast.ImportFrom):
                    seen |= {(alias.asname, each.module) for alias in each.names if alias.asname == alias.name}
                if isinstance(each, ast.Assign):
                    seen.add((ast.unparse(each.targets[0]), None))
    table = importlib.import_module(package).MODULES
    assert {name for name, _ in seen} == set(table)
    assert all(table[name] == module for name, module in seen if module)


@pytest.mark.parametrize("package", FACES)
def test_no_file_is_called_like_a_name_of_its_face(package):
    folder = ROOT.joinpath(*package.split("."))
    names = set(importlib.import_module(package).MODULES)
    assert not names & {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}


def test_an_unknown_name_is_an_attribute_error():
    load, _ = face("movinet", {})
    with pytest.raises(AttributeError, match="module 'movinet' has no attribute 'nothing'"):
        load("nothing")


def test_the_version_is_the_installed_ones():
    import movinet

    assert f'version = "{movinet.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
