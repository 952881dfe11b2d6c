"""Text is UTF-8 whatever the machine's locale: no file or program is read or written in the locale's encoding."""

import ast

import pytest

from tests.support.paths import ROOT

FOLDERS = ("movinet", "space", "search", "results", "benchmarks", ".ci")
FILES = [ROOT / "run_search.py", *(path for name in FOLDERS for path in sorted((ROOT / name).rglob("*.py")))]
OTHER_OPENS = ("av", "os", "Image", "FrameCache", "cls", "webbrowser")  # whose `open` gives no text
METHODS = ("read_text", "write_text", "TextIOWrapper")


def in_the_locales_encoding(source: str) -> list[int]:
    """The lines of calls that read or write text without saying in which encoding."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if _is_text(call) and "encoding" not in {word.arg for word in call.keywords}]


def _is_text(call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    words = {word.arg: word.value for word in call.keywords}
    if name in METHODS or ({"text", "universal_newlines"} & words.keys() and _is_process(owner)):
        return True
    if name == "fdopen" or (name == "open" and getattr(owner, "id", "") not in OTHER_OPENS):
        place = 0 if owner is not None and name == "open" else 1
        mode = words.get("mode", call.args[place] if len(call.args) > place else ast.Constant("r"))
        return "b" not in "".join(str(part.value) for part in ast.walk(mode) if isinstance(part, ast.Constant))
    return name.endswith("TemporaryFile") and bool(call.args or "mode" in words) and "b" not in ast.unparse(call)


def _is_process(owner: ast.expr | None) -> bool:
    return getattr(owner, "id", "") == "subprocess"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_is_read_and_written_in_utf_8(path):
    assert in_the_locales_encoding(path.read_text(encoding="utf-8")) == []


def test_every_way_to_text_is_found():
    wrong = """
path.read_text()
path.write_text(text)
path.open()
open(path, "w")
(folder / name).open("a", newline="")
os.fdopen(file, "w")
subprocess.run(command, text=True)
"""
    right = """
path.read_text(encoding="utf-8")
path.open("r+b" if begun else "wb")
open(path, mode="rb")
os.open(path, os.O_RDONLY)
av.open(path, "w")
os.fdopen(file, "wb")
subprocess.run(command)
draw(text=True)
"""
    assert in_the_locales_encoding(wrong) == list(range(2, 9))
    assert in_the_locales_encoding(right) == []
