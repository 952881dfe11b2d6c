"""Every evaluator of the registry keeps the contract, and so does one from outside."""

import random
from dataclasses import asdict, replace

import pytest
import yaml

from movinet.config.errors import InputError
from movinet.config.file import plain
from movinet.config.typed import ConfigError, build
from movinet.cost import network_cost
from movinet.data.prepare import DataSettings
from movinet.training.settings import TrainSettings
from results.table import RecordedTraining, write_table
from search.clips import clips_of, prepare
from search.evaluators.evaluator import Given
from search.evaluators.registry import EVALUATORS, EvaluatorChoice
from search.settings import SearchSettings, load_settings
from search.view.listener import Listener
from space.load import load_space
from space.sampling import sample
from tests.contracts.evaluator_contract import EvaluatorContract
from tests.support.made_up_evaluator import MadeUpSettings
from tests.support.search_runs import SPACE, write_config

OUTSIDE = "tests.support.made_up_evaluator:MadeUp"


class TestTrained(EvaluatorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def choice(cls):
        return EvaluatorChoice.of("trained")

    @pytest.fixture(scope="class")
    @classmethod
    def given(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("trained")
        settings = load_settings(write_config(folder, folder / "data"))
        clips = clips_of(settings.load_space())
        return Given(settings.data, settings.train, clips, lambda: prepare(settings.data, clips, Listener()))


class TestRecorded(EvaluatorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def choice(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("recorded")
        (folder / "space.yaml").write_text(yaml.safe_dump({"space": SPACE}))
        rng, space, trainings = random.Random(0), load_space(folder / "space.yaml"), []
        for number in range(30):
            candidate = sample(space, rng)
            cost = asdict(network_cost(candidate.spec(), num_classes=4))
            curve = (0.3, 0.4, 0.5 + number / 100)
            trainings.append(RecordedTraining(candidate.values, candidate.id, cost, 0, curve, 6.0))
        write_table(folder / "table.csv.gz", trainings)
        files = {"table": str(folder / "table.csv.gz"), "space": str(folder / "space.yaml")}
        return EvaluatorChoice.of("recorded", **files, classes=4, clips=40)

    @pytest.fixture(scope="class")
    @classmethod
    def given(cls):
        return Given(DataSettings(), TrainSettings(epochs=3), [], no_clips)

    def test_a_table_that_is_not_there_or_too_short_is_refused(self, choice, given):
        with pytest.raises(InputError, match=r"^search.evaluator.table=no.csv.gz cannot be read"):
            EvaluatorChoice.of("recorded", table="no.csv.gz").prepare(given)
        with pytest.raises(InputError, match=r"^train.epochs=4 is not allowed; allowed: up to 3"):
            choice.prepare(replace(given, train=TrainSettings(epochs=4)))


def no_clips():
    raise AssertionError("it needs no clips")


class TestOutside(EvaluatorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def choice(cls):
        return EvaluatorChoice.of(OUTSIDE)

    @pytest.fixture(scope="class")
    @classmethod
    def given(cls):
        return Given(DataSettings(), TrainSettings(epochs=3), [], no_clips)


def test_each_evaluator_names_its_own_settings():
    assert all(kind.Settings is settings for kind, settings in EVALUATORS.values())


def test_an_evaluator_is_chosen_by_name_with_its_settings():
    assert SearchSettings().evaluator == EvaluatorChoice.of("trained")
    chosen = build(SearchSettings, {"evaluator": {"name": OUTSIDE, "clips": 10}}).evaluator
    assert chosen.settings == MadeUpSettings(clips=10)
    assert EvaluatorChoice.from_plain(plain(chosen), "search.evaluator") == chosen
    with pytest.raises(
        ConfigError, match=r"^search.evaluator=guessed is not allowed; allowed: trained, recorded, or p"
    ):
        build(SearchSettings, {"evaluator": "guessed"}, "search")
