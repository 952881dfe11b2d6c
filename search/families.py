"""A run's families: family/ is the newest, families/<n>/ are those before it, families/<name>/ others that were named.

Each has a family.yaml that says what it was made of.  A family of a run from before there was one is known by what its
members' metrics tell.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from movinet.config.errors import InputError
from movinet.config.file import first_difference, plain, read_yaml, to_yaml
from movinet.config.typed import ConfigError, build, show
from movinet.machine.files import clear_drafts, is_empty, sync_folder, whole, write_whole
from movinet.machine.lock import locked
from movinet.spec import MovinetSpec
from results.members import read_members
from results.record import TrialRecord
from search.family import best_trial, family_of
from search.settings import ScalingSettings, Settings
from space.scaling.members import MEMBERS

FAMILY, FAMILIES, FAMILY_FILE = "family", "families", "family.yaml"
NEXT = ".next"  # in families/: the family that takes the place of family/


@dataclass(frozen=True)
class Recipe:
    """What a family is made of: trial and spec_id of the network that is scaled, and how.

    scaling: its epochs are those that members are trained for, as a number.
    """

    trial: int
    spec_id: str
    scaling: ScalingSettings


@dataclass(frozen=True)
class Family:
    """A family to train, or to go on with. settings: of the run, with the scaling of this family."""

    folder: Path
    settings: Settings
    members: Mapping[str, MovinetSpec]


def read_recipe(folder: Path) -> Recipe | None:
    """What a folder's family.yaml says; None where there is none. Raises ConfigError for what is no recipe."""
    path = folder / FAMILY_FILE
    if not path.is_file():
        return None
    try:
        return build(Recipe, read_yaml(path))
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(str(path)) else f"{path}: {text}") from error


@dataclass(frozen=True)
class Families:
    """The families of a run, whose search has got so far."""

    run: Path
    settings: Settings
    records: Sequence[TrialRecord]
    num_classes: int

    def newest(self, anew: bool = False) -> Family:
        """family/, of the best trial; what lies there of another one is moved to families/<n>/ as it is.

        anew: of these settings of scaling, too; otherwise of those that it was made with.  Raises SpaceError, and
        leaves all as it was, when no family can be made.
        """
        wanted, place = self._wanted(), self.run / FAMILY
        with locked(self.run):
            _take_over(self.run)
            found = read_recipe(place) or self._guessed()
            kept = found if found and _is_of(found, wanted) and not (anew and found != wanted) else None
            family = self._family(place, kept or wanted)
            if kept is None:
                _write(self.run / FAMILIES / NEXT, wanted)
                _take_over(self.run)
            elif not (place / FAMILY_FILE).exists() and len(read_members(self.run)) < len(MEMBERS):
                _drop_earlier_checkpoints(self.run)
                write_whole(place / FAMILY_FILE, to_yaml(plain(kept)))
        return family

    def named(self, name: str, anew: bool = False) -> Family:
        """families/<name>/, of the best trial; one that is there goes on as it was made.

        anew: it must have these settings of scaling. Raises ConfigError with the first one that differs.
        """
        wanted, place = self._wanted(), self.run / FAMILIES / name
        with locked(self.run):
            found = read_recipe(place)
            if found is None and place.exists() and not is_empty(place):
                raise InputError(f"{place}: not empty, and has no {FAMILY_FILE}; allowed: another --family")
            differs = first_difference(plain(found.scaling), plain(wanted.scaling)) if found and anew else None
            if differs:
                key, old, new = differs
                raise ConfigError(
                    f"{place / FAMILY_FILE}: scaling.{key}={show(old)}, but now {show(new)}; a family keeps its "
                    "settings: allowed: the same, or another --family"
                )
            family = self._family(place, found or wanted)
            if found is None:
                _write(place, wanted)
        return family

    def _wanted(self) -> Recipe:
        best = best_trial(self.records, self.settings.search)
        return self._recipe(best, self.settings.scaling)

    def _recipe(self, record: TrialRecord, scaling: ScalingSettings) -> Recipe:
        return Recipe(
            record.trial, record.spec_id, replace(scaling, epochs=scaling.epochs or self.settings.train.epochs)
        )

    def _family(self, folder: Path, recipe: Recipe) -> Family:
        record = next((each for each in self.records if each.trial == recipe.trial), None)
        if record is None or record.spec_id != recipe.spec_id:
            raise InputError(
                f"{folder / FAMILY_FILE}: trial={recipe.trial} of network {recipe.spec_id} is not on record; "
                "allowed: a family of this run's trials"
            )
        settings = replace(self.settings, scaling=recipe.scaling)
        return Family(folder, settings, family_of(record, settings, self.num_classes))

    def _guessed(self) -> Recipe | None:
        """What a family without a family.yaml was made of, if all its members are as that would make them."""
        found = read_members(self.run)
        ids = {name: metrics["spec_id"] for name, metrics in found.items()}
        epochs = {metrics["epochs"] for metrics in found.values()}
        bases = [
            (name, record) for record in self.records for name, spec_id in ids.items() if spec_id == record.spec_id
        ]
        for name, record in bases if len(epochs) == 1 else []:
            scaling = replace(self.settings.scaling, base_member=name, epochs=min(epochs))
            recipe = self._recipe(record, scaling)
            members = self._family(self.run / FAMILY, recipe).members
            if all(members[name].id == spec_id for name, spec_id in ids.items()):
                return recipe
        return None


def _is_of(recipe: Recipe, other: Recipe) -> bool:
    return (recipe.trial, recipe.spec_id) == (other.trial, other.spec_id)


def _write(folder: Path, recipe: Recipe) -> None:
    """A family's folder with its recipe alone."""
    with whole(folder) as new:
        new.mkdir()
        write_whole(new / FAMILY_FILE, to_yaml(plain(recipe)))


def _take_over(run: Path) -> None:
    """Makes families/.next the newest family, and gives the one before it a number; goes on where a kill left it."""
    new, place, others = run / FAMILIES / NEXT, run / FAMILY, run / FAMILIES
    if not new.is_dir():
        return
    if place.exists() and is_empty(place):
        place.rmdir()
    elif place.exists():
        clear_drafts(place)
        shutil.rmtree(place / "ray", ignore_errors=True)  # what Ray left of a killed training
        numbers = [int(path.name) for path in others.iterdir() if path.name.isdecimal()]
        os.rename(place, others / str(max(numbers, default=0) + 1))
        sync_folder(others)
    _drop_earlier_checkpoints(run)
    os.rename(new, place)
    sync_folder(run)


def _drop_earlier_checkpoints(run: Path) -> None:
    """Of a family that was begun when they did not lie in its own folder."""
    for name in MEMBERS:
        shutil.rmtree(run / "checkpoints" / name, ignore_errors=True)
