"""Imports point down, run_search -> search -> space -> movinet, and what needs no heavy library loads none."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "movinet": ("movinet",),
    "space": ("space", "movinet"),
    "results": ("results", "movinet.spec", "movinet.config.errors"),
    "search": ("search", "space", "movinet", "results.record", "results.store", "results.pareto", "results.members"),
}
HEAVY = ("tensorflow", "keras", "ray", "matplotlib", "pandas", "numpy", "yaml", "av", "rich")
STANDARD_LIBRARY_ONLY = (
    *("movinet.spec", "movinet.presets", "movinet.ops", "movinet.cost"),
    *("space.space", "space.space", "space.budget", "space.sampling", "space.mutation", "space.scaling.compound"),
    *("results.members", "results.record", "results.store", "results.pareto", "results.label_placement"),
    *("results.drawing", "results.plots", "results.summary"),
)
FILES = [path.relative_to(ROOT) for name in ALLOWED for path in sorted((ROOT / name).rglob("*.py"))]


def imported_names(path: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return names + [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_down(path):
    ours = [name for name in imported_names(ROOT / path) if name.split(".")[0] in (*ALLOWED, "run_search", "tests")]
    allowed = ALLOWED[path.parts[0]]
    wrong = [name for name in ours if not any(f"{name}.".startswith(f"{prefix}.") for prefix in allowed)]
    assert not wrong, f"{path} imports {', '.join(wrong)}; allowed: {', '.join(allowed)}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_import_is_relative(path):
    nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `code`."""
    report = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_core_loads_nothing_but_the_standard_library():
    loaded = loaded_after("import " + ", ".join(STANDARD_LIBRARY_ONLY))
    assert {"movinet", "space", "results"} <= loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("front_door", ["run_search", "movinet.__main__"])
def test_help_loads_nothing_heavy(front_door):
    call = f"import contextlib, {front_door}\nwith contextlib.suppress(SystemExit): {front_door}.main(['--help'])"
    assert not loaded_after(call) & set(HEAVY)


def test_a_space_is_read_without_tensorflow_or_ray():
    loaded = loaded_after("from space.load import load_space; load_space('configs/spaces/movinet.yaml')")
    assert not loaded & {"tensorflow", "keras", "ray"}
