"""The house: a room imports from itself and the rooms before it, and what needs no heavy library loads none."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = ("movinet", "space", "search", "results")
ROOMS = (  # from the ground up; a room may import those before it
    *("movinet.config", "movinet.machine", "movinet.spec", "movinet.presets"),
    *("movinet.operation", "movinet.operators", "movinet.ops", "movinet.cost"),
    *("movinet.layers", "movinet.model", "movinet.deploy", "movinet.streaming", "movinet.weights"),
    *("movinet.model_garden", "movinet.data", "movinet.models", "movinet.evaluation", "movinet.training"),
    *("movinet.experiment", "movinet.export", "movinet.prediction", "movinet.bench", "movinet.__main__"),
    *("results", "space", "search.predictors", "search.objectives", "search.strategies", "search.evaluators"),
    *("search.early_stopping", "search.earlier_settings", "search.limits", "search.settings", "search.view"),
    *("search.journal", "search.plan", "search.member", "search.engine", "search", "run_search"),
)
WITHIN = {  # what a package may import of the others, where its place among the rooms says too little
    "results": ("results", "movinet.config", "movinet.machine", "movinet.spec", "movinet.evaluation.intervals"),
    "space": ("space", "movinet"),
}
PRIVATE_PARTS = {  # of frameworks, and the files that may touch them; each says in its first lines why
    r"\bray\._|_raylet": (),
    r"tensorflow\.python|tensorflow\.lite\.python": (
        *("movinet/machine/devices.py", "movinet/export/litert/file_graph.py", "movinet/export/litert/int8.py"),
        "movinet/export/litert/operators.py",
    ),
    r"keras\.src|\._flatten_layers|_trackable_children": (
        *("movinet/training/randomness.py", "movinet/model_garden/published.py", "movinet/model_garden/classes.py"),
    ),
}
HEAVY = ("tensorflow", "keras", "ray", "matplotlib", "pandas", "numpy", "yaml", "av", "rich")
STANDARD_LIBRARY_ONLY = (
    *("movinet", "space", "search", "results", "movinet.spec", "movinet.presets"),
    *("movinet.operation", "movinet.operators", "movinet.ops", "movinet.cost"),
    *("space.space", "space.budget", "space.sampling", "space.mutation", "space.scaling.members"),
    *("results.members", "results.record", "results.store", "results.pareto", "results.label_placement"),
    *("results.drawing", "results.plots", "results.summary", "results.accuracies", "movinet.evaluation.intervals"),
)
FILES = [path.relative_to(ROOT) for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str | None:
    """The smallest room that a module lies in; None for a face or what is not ours."""
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len, default=None)


def imported(path: Path) -> list[str]:
    """The modules of ours that a file imports, at its top and within functions."""
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))))
    names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    names += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return [name for name in names if name.split(".")[0] in (*PACKAGES, "run_search", "tests")]


def is_face(path: Path) -> bool:
    return path.name == "__init__.py"


@pytest.mark.parametrize("path", [path for path in FILES if not is_face(path)], ids=str)
def test_a_file_imports_from_its_room_and_those_before_it(path):
    place = ROOMS.index(room_of(module_of(path)))
    within = WITHIN.get(path.parts[0], PACKAGES)
    for name in imported(path):
        assert room_of(name), (
            f"{path} imports {name}, which is a face or no room; allowed: the module that has the name"
        )
        assert ROOMS.index(room_of(name)) <= place, f"{path} imports {name}, which lies above it"
        assert any(f"{name}.".startswith(f"{prefix}.") for prefix in within), f"{path} imports {name}"


@pytest.mark.parametrize("path", [path for path in FILES if not is_face(path)], ids=str)
def test_no_file_of_the_house_imports_from_a_face(path):
    faces = {module_of(face) for face in FILES if is_face(face) and (ROOT / face).read_text(encoding="utf-8").strip()}
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in faces:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in modules if not (ROOT / Path(*name.split("."))).with_suffix(".py").exists()]
            found = [name for name in found if not (ROOT / Path(*name.split("."))).is_dir()]
            assert not found, f"{path} takes {', '.join(found)} from a face"


def test_no_imports_run_in_a_circle():
    arrows = {module_of(path): set() for path in FILES}
    for path in FILES:
        if not is_face(path):
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                    arrows[module_of(path)] |= names & arrows.keys() - {module_of(path)}
    while leaves := {module for module, others in arrows.items() if not others & arrows.keys()}:
        arrows = {module: others for module, others in arrows.items() if module not in leaves}
    assert not arrows, f"imports run in a circle among {', '.join(sorted(arrows))}"


def test_few_files_lie_loose():
    loose = [path for path in FILES if path.parts[0] == "movinet" and len(path.parts) == 2]
    assert len(loose) <= 12


@pytest.mark.parametrize("pattern", PRIVATE_PARTS)
def test_only_these_files_touch_private_parts_of_frameworks(pattern):
    touching = [path.as_posix() for path in FILES if re.search(pattern, (ROOT / path).read_text(encoding="utf-8"))]
    assert sorted(touching) == sorted(PRIVATE_PARTS[pattern])


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_import_is_relative(path):
    nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `code`."""
    report = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_core_and_the_faces_load_nothing_but_the_standard_library():
    loaded = loaded_after("import " + ", ".join(STANDARD_LIBRARY_ONLY))
    assert set(PACKAGES) <= loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("front_door", ["run_search", "movinet.__main__"])
def test_help_loads_nothing_heavy(front_door):
    call = f"import contextlib, {front_door}\nwith contextlib.suppress(SystemExit): {front_door}.main(['--help'])"
    assert not loaded_after(call) & set(HEAVY)


def test_a_space_is_read_without_tensorflow_or_ray():
    loaded = loaded_after("from space.load import load_space; load_space('configs/spaces/movinet.yaml')")
    assert not loaded & {"tensorflow", "keras", "ray"}
