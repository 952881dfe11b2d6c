"""Every evaluator of the registry keeps the contract, and so does one from outside."""

import pytest

from movinet.config.file import plain
from movinet.config.typed import ConfigError, build
from movinet.data.prepare import DataSettings
from movinet.training.settings import TrainSettings
from search.clips import clips_of, prepare
from search.evaluators.evaluator import Given
from search.evaluators.registry import EVALUATORS, EvaluatorChoice
from search.settings import SearchSettings, load_settings
from search.view.listener import Listener
from tests.contracts.evaluator_contract import EvaluatorContract
from tests.support.made_up_evaluator import MadeUpSettings
from tests.support.search_runs import write_config

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


class TestOutside(EvaluatorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def choice(cls):
        return EvaluatorChoice.of(OUTSIDE)

    @pytest.fixture(scope="class")
    @classmethod
    def given(cls):
        def decode():
            raise AssertionError("it needs no clips")

        return Given(DataSettings(), TrainSettings(epochs=3), [], decode)


def test_each_evaluator_names_its_own_settings():
    assert all(kind.Settings is settings for kind, settings in EVALUATORS.values())


def test_an_evaluator_is_chosen_by_name_with_its_settings():
    assert SearchSettings().evaluator == EvaluatorChoice.of("trained")
    chosen = build(SearchSettings, {"evaluator": {"name": OUTSIDE, "clips": 10}}).evaluator
    assert chosen.settings == MadeUpSettings(clips=10)
    assert EvaluatorChoice.from_plain(plain(chosen), "search.evaluator") == chosen
    with pytest.raises(ConfigError, match=r"^search.evaluator=guessed is not allowed; allowed: trained, or package"):
        build(SearchSettings, {"evaluator": "guessed"}, "search")
