"""Every command in the documentation runs as written; the two that install the project are CI's own steps."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from space.load import load_space
from tests.support.paths import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
INSTALLING = "pip install "


def blocks(document: Path, language: str) -> list[str]:
    """The text of the document's code blocks of one language."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(document: Path) -> list[str]:
    """The lines of the document's bash blocks, continued lines joined."""
    lines = "\n".join(blocks(document, "bash")).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


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
    run(f"{sys.executable} run_search.py --config configs/quick.yaml --name default", folder)
    return folder


def run(command: str, folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CI": "true"}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


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
def test_every_python_example_runs(text, tmp_path):
    subprocess.run([sys.executable, "-c", text], check=True, cwd=tmp_path, capture_output=True)


def test_the_space_of_the_readme_is_one(tmp_path):
    for number, text in enumerate(blocks(ROOT / "README.md", "yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        assert load_space(path).size > 1
