"""Every command in the documentation runs; the two that install the project are CI's own steps, which are run whole."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest

from movinet.__main__ import main as movinet
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from run_search import main as run_search
from space.load import load_space
from tests.support.paths import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
INSTALLING = "pip install "
FEW = "data.moving_shapes.train_clips=3 data.moving_shapes.val_clips=1 train.epochs=1"
SHORTER = {  # what is added to the commands with these words, whose accuracy is not the point here
    "benchmarks/search/simulate.py": "--seeds 1 --epochs 12",
    "benchmarks/search/record.py": f"--networks 1 --workers 1 --set {FEW}",
    "benchmarks/moving_shapes_spread.py": f"{FEW} --networks 2 --seeds 2",
    "configs/quick.yaml": f"--set {FEW} budget.mflops=1 search.trials=2",
    "configs/folder.yaml --set": "--set train.epochs=1 budget.mflops=8 search.trials=2",
    "export default": "--calibration-clips 4",
    "runs/default/family/A0 --quantize int8": "--calibration-clips 4",
    "scale default --set": "scaling.epochs=1",
    "scale default --family long --set": "scaling.epochs=1",
    "show configs/spaces/movinet.yaml": "--samples 500",
    "--model_dir runs/first --set data.path": "train.epochs=2",
    "--model_dir runs/tuned": "train.epochs=1",
}


def blocks(document: Path, language: str) -> list[str]:
    """The text of the document's code blocks of one language."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(document: Path) -> list[str]:
    """The lines of the document's bash blocks, continued lines joined."""
    lines = "\n".join(blocks(document, "bash")).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def shortened(command: str) -> str:
    """The command with what `SHORTER` adds to it."""
    return " ".join([command, *(more for words, more in SHORTER.items() if words in command)])


def test_what_is_shortened_is_in_the_documents():
    shown = [command for document in DOCUMENTS for command in commands(document)]
    assert [words for words in SHORTER if not any(words in command for command in shown)] == []


def test_documents_show_commands_in_bash_blocks_only():
    for document in DOCUMENTS:
        fences = re.findall(r"^```(\w*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences[::2]) <= {"bash", "", "html", "python", "yaml"}, document
    assert len(commands(ROOT / "README.md")) >= 8


def test_ci_takes_the_installing_commands_from_the_readme():
    installing = [line for line in commands(ROOT / "README.md") if line.startswith(INSTALLING)]
    assert installing == ["pip install -e . && python run_search.py", 'pip install -e ".[test]" && pytest']
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "$(readme_command run_search.py)" in steps
    assert "$(readme_command pytest)" in steps


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory) -> Path:
    """A folder as the documents assume it: the checkout, a finished run called default, a folder of clips."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name in ("configs", "run_search.py", "benchmarks", "tests", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    synthesize(folder / "shapes", MovingShapes(train_clips=6, val_clips=3))
    classes = sorted(path for path in (folder / "shapes").iterdir() if path.is_dir())[:2]
    for place in classes:
        (folder / "my_clips" / place.name).mkdir(parents=True)
        for clip in place.iterdir():
            clip.rename(folder / "my_clips" / place.name / clip.name)
    for text in (text for document in DOCUMENTS for text in blocks(document, "yaml")):
        if named := re.match(r"# (\S+\.yaml)\n", text):  # a file of the reader's own
            (folder / named[1]).write_text(text, encoding="utf-8")
    first = min((folder / "my_clips").rglob("*.mp4"))
    first.rename(folder / "clip.mp4")
    run("python run_search.py --config configs/quick.yaml --name default", folder)
    return folder


def run(command: str, folder: Path) -> None:
    """Runs the command in the folder: the two front doors in this process, which spares TensorFlow's import."""
    words = shlex.split(shortened(command))
    with chdir(folder):
        if words[:3] == ["python", "-m", "movinet"]:
            assert movinet(words[3:]) == 0, command
        elif words[:2] == ["python", "run_search.py"]:
            assert run_search(words[2:]) == 0, command
        else:
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            subprocess.run(words, check=True, env={**os.environ, "PATH": path})


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_runs(document, newcomer):
    for command in commands(document):
        if not command.startswith((INSTALLING, "pytest", "ruff", "bash .ci/run")):
            run(command, newcomer)


EXAMPLES = [
    pytest.param(text, id=f"{document.name}-{number}", marks=() if document.name == "README.md" else pytest.mark.slow)
    for document in DOCUMENTS
    for number, text in enumerate(blocks(document, "python"))
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_python_example_runs(text, tmp_path, monkeypatch):
    for name in ("configs", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # where python -c finds the modules that an example has written
    exec(text, {"__name__": "__main__"})


def test_the_space_of_the_readme_is_one(tmp_path):
    for number, text in enumerate(blocks(ROOT / "README.md", "yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        assert load_space(path).size > 1
