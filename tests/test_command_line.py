"""What people type today they can type tomorrow: verbs, options and positionals are added, never removed or renamed."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.write_command_line import FILE, command_line

OPTIONAL = ("?", "*")  # argparse's nargs that take no value, too
COMMANDS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
ANEW = (
    "if that is meant, tell of it in CHANGELOG.md and write the file anew: python tests/fixtures/write_command_line.py"
)


def broken(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Each thing that could be typed once and can be no more, in a line."""
    for command, before in old.items():
        if command not in new:
            yield f"{command}: gone"
            continue
        now = new[command]
        for option, taken in before["options"].items():
            if option not in now["options"]:
                yield f"{command}: {option} gone"
            else:
                yield from _narrower(f"{command}: {option}", taken, now["options"][option])
        for option, taken in now["options"].items():
            if taken["is_required"] and not before["options"].get(option, {}).get("is_required"):
                yield f"{command}: {option} needed now"
        yield from _broken_positionals(command, before["positionals"], now["positionals"])


def _broken_positionals(command: str, before: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[str]:
    names = [each["name"] for each in now]
    if names[: len(before)] != [each["name"] for each in before]:
        yield f"{command}: {' '.join(each['name'] for each in before)} now {' '.join(names) or 'gone'}"
        return
    for taken, found in zip(before, now, strict=False):
        yield from _narrower(f"{command}: {taken['name']}", taken, found)
    for added in now[len(before) :]:
        if added["values"] not in OPTIONAL:
            yield f"{command}: {added['name']} needed now"


def _narrower(what: str, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    if before["values"] != now["values"]:
        yield f"{what} took values {before['values']}, now {now['values']}"
    if now["choices"] is not None:
        if before["choices"] is None:
            yield f"{what} took anything, now {', '.join(now['choices'])}"
        elif gone := set(before["choices"]) - set(now["choices"]):
            yield f"{what} takes {', '.join(sorted(gone))} no more"


def test_every_command_of_the_file_can_still_be_typed():
    lines = list(broken(COMMANDS, command_line()))
    assert not lines, "\n".join([f"{FILE.name} promises what is no more:", *lines, ANEW])


def test_the_file_holds_the_verbs_that_the_readme_tells_of():
    search = ("search", "resume", "plot", "scale", "export", "show")
    ours = ("predict", "cost", "convert", "export", "train", "bench models", "bench deploy")
    data = ("check", "index", "reduce", "show", "synthesize")
    commands = {f"run_search.py {verb}" for verb in search} | {f"python -m movinet {verb}" for verb in ours}
    assert commands | {f"python -m movinet data {verb}" for verb in data} <= COMMANDS.keys()
    assert COMMANDS["python -m movinet train"]["options"]["--mode"]["choices"]
    assert COMMANDS["python -m movinet cost"]["positionals"] == [{"name": "NETWORK", "values": "+", "choices": None}]


COMMAND, COST = "python -m movinet train", "python -m movinet cost"
MODE = f"{COMMAND}: --mode"
ONE = {"values": None, "choices": None}


def changed(change) -> list[str]:
    new = copy.deepcopy(COMMANDS)
    change(new[COMMAND], new)
    return list(broken(COMMANDS, new))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda own, all_of: all_of.pop(COMMAND), f"{COMMAND}: gone"),
        (lambda own, all_of: own["options"].pop("--model_dir"), f"{COMMAND}: --model_dir gone"),
        (lambda own, all_of: own["options"]["--mode"]["choices"].remove("eval"), f"{MODE} takes eval no more"),
        (lambda own, all_of: own["options"]["--mode"].update(values=0), f"{MODE} took values None, now 0"),
        (lambda own, all_of: own["options"]["--set"].update(choices=["a"]), f"{COMMAND}: --set took anything, now a"),
        (lambda own, all_of: own["options"]["--set"].update(is_required=True), f"{COMMAND}: --set needed now"),
        (
            lambda own, all_of: own["options"].update({"--new": {**ONE, "is_required": True}}),
            f"{COMMAND}: --new needed now",
        ),
        (lambda own, all_of: own["positionals"].append({"name": "FILE", **ONE}), f"{COMMAND}: FILE needed now"),
        (
            lambda own, all_of: all_of[COST]["positionals"][0].update(name="SPEC"),
            f"{COST}: NETWORK now SPEC",
        ),
        (
            lambda own, all_of: all_of[COST]["positionals"].pop(),
            f"{COST}: NETWORK now gone",
        ),
    ],
)
def test_what_can_be_typed_no_more_is_a_line(change, line):
    assert changed(change) == [line]


@pytest.mark.parametrize(
    "change",
    [
        lambda own, all_of: all_of.update({f"{COMMAND} more": {"options": {}, "positionals": []}}),
        lambda own, all_of: own["options"].update({"--new": {**ONE, "is_required": False}}),
        lambda own, all_of: own["options"]["--mode"]["choices"].append("another"),
        lambda own, all_of: own["options"]["--mode"].update(choices=None),
        lambda own, all_of: own["positionals"].append({"name": "FILE", "values": "?", "choices": None}),
    ],
)
def test_what_is_added_is_no_matter(change):
    assert changed(change) == []
