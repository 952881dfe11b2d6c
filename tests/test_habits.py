"""What a newcomer is told of the house holds: the justfile's commands, and the files that its map and its ways name."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.draw_architecture import PICTURE, arrows_of_imports, draw, without_shortcuts
from tests.support.paths import ROOT
from tests.test_imports import ROOMS

PLACES = f"{Path(sys.executable).parent}:/usr/bin:/bin"


def recipes() -> dict[str, list[str]]:
    """The commands of each recipe of the justfile but the first, which lists them."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "justfile").read_text(encoding="utf-8").splitlines():
        if named := re.match(r"(\w+)( \*options)?:$", line):
            found[named[1]] = commands = []
        elif line.startswith("    "):
            commands.append(line.strip().removesuffix(" {{options}}"))
    return {name: commands for name, commands in found.items() if name != "_"}


def test_each_habit_is_one_word_whose_commands_exist():
    assert [*recipes()] == ["format", "lint", "types", "tests", "slow"]
    for command in (command for commands in recipes().values() for command in commands):
        assert shutil.which(command.split()[0], path=PLACES), command


def test_the_habits_are_those_of_ci():
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for habit in ("lint", "types", "slow"):
        assert all(command in steps for command in recipes()[habit]), habit


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md", "docs/training.md"])
def test_the_files_that_a_document_names_are_there(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`((?:movinet|space|search|results|tests|benchmarks|configs)/[\w/.]*)`", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_map_fits_a_screen():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (drawn,) = re.findall(r"## Where things are\n\n```\n(.*?)```", text, re.DOTALL)
    assert len(drawn.splitlines()) <= 25


def test_the_picture_of_the_house_shows_the_rooms_of_today(tmp_path):
    assert Image.open(PICTURE).text["rooms"].split() == sorted(ROOMS), "python benchmarks/draw_architecture.py"
    draw(without_shortcuts(arrows_of_imports()), tmp_path / "anew.png")
    assert Image.open(tmp_path / "anew.png").size == Image.open(PICTURE).size


def test_an_arrow_that_follows_from_others_is_left_out_and_no_other():
    arrows, drawn = arrows_of_imports(), without_shortcuts(arrows_of_imports())

    def above(some, room):
        return some[room].union(*(above(some, other) for other in some[room]))

    for room in ROOMS:
        assert above(drawn, room) == above(arrows, room)
        assert all(above(drawn | {room: drawn[room] - {other}}, room) != above(arrows, room) for other in drawn[room])
