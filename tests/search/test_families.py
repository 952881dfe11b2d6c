"""A run's families: which one is trained, and that none is lost. No training here: members are made-up metrics."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from movinet.config.errors import InputError
from movinet.config.typed import ConfigError
from movinet.presets import preset
from movinet.spec import ClipSpec
from search import families as module
from search.families import Families, Family, read_recipe
from search.settings import ScalingSettings, Settings
from space.decision import SpaceError
from space.yaml_file import read_yaml
from tests.results.test_plots import trial

A0 = preset("a0-base")
SPECS = [
    replace(A0, blocks=A0.blocks[:depth], clip=ClipSpec(frames=16, resolution=40, frames_per_second=8.0))
    for depth in (2, 3)
]
FIRST, SECOND = (
    replace(trial(number, 4.0, accuracy, spec=spec.to_dict()), spec_id=spec.id)
    for number, (accuracy, spec) in enumerate(zip((0.5, 0.75), SPECS, strict=True))
)
SETTINGS = Settings(**read_yaml("configs/spaces/moving_shapes.yaml"))


@pytest.fixture
def run(tmp_path) -> Path:
    return tmp_path


def families(run: Path, *records, **scaling) -> Families:
    settings = replace(SETTINGS, scaling=ScalingSettings(**scaling))
    return Families(run, settings, records or (FIRST,), 12)


def write_members(family: Family, *names: str) -> None:
    """What trained members leave, and something else that somebody laid beside them."""
    for name in names or family.members:
        (family.folder / name).mkdir()
        epochs = family.settings.scaling.epochs or family.settings.train.epochs
        metrics = {"spec_id": family.members[name].id, "epochs": epochs}
        (family.folder / name / "metrics.json").write_text(json.dumps(metrics))
    (family.folder / "mine.txt").write_text(f"of {family.settings.scaling.epochs} epochs")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_family_says_what_it_was_made_of(run):
    family = families(run, epochs=5).newest()
    assert family.folder == run / "family"
    recipe = read_recipe(family.folder)
    assert recipe is not None
    assert (recipe.trial, recipe.spec_id, recipe.scaling) == (0, FIRST.spec_id, ScalingSettings(epochs=5))
    assert read_yaml(run / "family" / "family.yaml")["scaling"]["ratio"] == 2.0
    assert family.members["A2"] == SPECS[0]


def test_resume_goes_on_by_the_settings_of_the_family_and_scale_by_its_own(run):
    write_members(families(run, epochs=5).newest(anew=True), "A0")
    before = content(run / "family")
    resumed = families(run).newest()
    assert resumed.settings.scaling.epochs == 5
    assert content(run / "family") == before
    assert not (run / "families").exists() or not list((run / "families").iterdir())
    again = families(run, epochs=5).newest(anew=True)  # the same command again
    assert (content(run / "family"), again.settings.scaling.epochs) == (before, 5)
    scaled = families(run).newest(anew=True)
    assert scaled.settings.scaling.epochs == SETTINGS.train.epochs
    assert content(run / "families" / "1") == before
    assert set(content(run / "family")) == {"family.yaml"}


def test_the_families_before_are_moved_whole_and_numbered(run):
    wholes = []
    for epochs in (1, 2, 3):
        write_members(families(run, epochs=epochs).newest(anew=True))
        wholes.append(content(run / "family"))
    assert [content(run / "families" / name) for name in ("1", "2")] == wholes[:2]
    assert content(run / "family") == wholes[2]


def test_another_best_trial_makes_a_new_family(run):
    write_members(families(run, FIRST).newest())
    before = content(run / "family")
    assert families(run, FIRST, replace(SECOND, accuracy=0.25)).newest().members["A2"] == SPECS[0]
    assert content(run / "family") == before
    assert families(run, FIRST, SECOND).newest().members["A2"] == SPECS[1]
    assert content(run / "families" / "1") == before


def test_a_family_that_cannot_be_made_moves_nothing(run):
    write_members(families(run).newest())
    before = content(run)
    with pytest.raises(SpaceError):
        families(run, ratio=40.0).newest(anew=True)
    with pytest.raises(SpaceError):
        families(run, ratio=40.0).named("wide")
    assert content(run) == before


@pytest.mark.parametrize("kill", range(4))
def test_killed_at_any_rename_the_change_of_families_goes_on(run, kill, monkeypatch):
    write_members(families(run, epochs=5).newest())
    before, renames = content(run / "family"), iter(range(kill))

    class Killed(BaseException):
        pass

    def until_killed(rename):
        def renamed(*arguments):
            if next(renames, None) is None:
                raise Killed
            rename(*arguments)

        return renamed

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", until_killed(os.rename))
        patched.setattr(os, "replace", until_killed(os.replace))
        with pytest.raises(Killed):
            families(run, epochs=7).newest(anew=True)
    families(run).newest()
    moved = content(run / "families" / "1") if (run / "families" / "1").exists() else None
    assert before in (moved, content(run / "family"))
    recipe = read_recipe(run / "family")
    assert recipe is not None
    assert recipe.scaling.epochs == (5 if moved is None else 7)
    assert not (run / "families" / module.NEXT).exists()


def test_a_named_family_lies_beside_the_others_and_keeps_its_settings(run):
    write_members(families(run).newest())
    newest = content(run / "family")
    write_members(families(run, epochs=9).named("long", anew=True), "A0")
    long = content(run / "families" / "long")
    assert content(run / "family") == newest
    assert families(run, epochs=9).named("long", anew=True).settings.scaling.epochs == 9
    assert families(run, FIRST, SECOND).named("long").members["A2"] == SPECS[0]  # of the trial it was made of
    with pytest.raises(
        ConfigError, match=r"long/family.yaml: scaling.epochs=9, but now 3; a family keeps its settings"
    ):
        families(run, epochs=3).named("long", anew=True)
    families(run, epochs=1).newest(anew=True)
    assert content(run / "families" / "long") == long
    assert content(run / "families" / "1") == newest


def test_a_folder_of_something_else_is_no_family(run):
    (run / "families" / "mine").mkdir(parents=True)
    (run / "families" / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"mine: not empty, and has no family.yaml"):
        families(run).named("mine")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trial: 0", r"family/family.yaml: spec_id"),
        ("trial: 9\nspec_id: abc\nscaling: {}", r"family.yaml: trial=9 of network abc is not on record"),
        ("trial: [", r"family/family.yaml:1: not YAML"),
        ("trial: 0\nspec_id: a\nscaling: {epochs: 0}", r"family/family.yaml: scaling.epochs=0 is not allowed"),
    ],
)
def test_a_bad_family_file_is_named(run, text, said):
    folder = run / "families" / "bad" / "family"
    folder.mkdir(parents=True)
    (folder / "family.yaml").write_text(text)
    with pytest.raises(InputError, match=said):
        families(run).named("bad/family")


def test_a_family_without_a_family_file_is_known_by_its_members(run):
    whole = families(run, epochs=5, base_member="A1").newest()
    write_members(whole)
    (run / "family" / "family.yaml").unlink()
    before = content(run / "family")
    found = families(run).newest()
    assert (found.settings.scaling.epochs, found.settings.scaling.base_member) == (5, "A1")
    assert content(run / "family") == before  # whole: it is only read
    (run / "family" / "A4" / "metrics.json").unlink()
    (run / "checkpoints" / "A4").mkdir(parents=True)
    assert families(run).newest().settings.scaling.epochs == 5
    recipe = read_recipe(run / "family")  # it is gone on with
    assert recipe is not None
    assert recipe.scaling.epochs == 5
    assert not (run / "checkpoints" / "A4").exists()


def test_a_family_that_nobody_knows_is_moved_whole(run):
    write_members(families(run, ratio=2.5).newest())
    (run / "family" / "family.yaml").unlink()
    before = content(run / "family")
    assert families(run).newest().settings.scaling.ratio == 2.0
    assert content(run / "families" / "1") == before


def test_a_family_of_a_trial_that_is_another_network_by_now_is_refused(run):
    families(run, FIRST).named("a")
    with pytest.raises(InputError, match=f"trial=0 of network {FIRST.spec_id} is not on record"):
        families(run, replace(FIRST, spec_id="other"), SECOND).named("a")
