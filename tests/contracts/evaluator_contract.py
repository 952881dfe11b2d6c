"""What every evaluator promises, as tests that any class can be put through, the house's and yours:

class TestMine(EvaluatorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def choice(cls):
        return EvaluatorChoice.of("package.module:Mine")

    @pytest.fixture(scope="class")
    @classmethod
    def given(cls, tmp_path_factory):
        return Given(DataSettings(...), TrainSettings(epochs=3), [SPEC.clip], decode)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from movinet.spec import MovinetSpec
from results.record import score_of
from search.evaluators.evaluator import Evaluator, Given, Prepared
from search.evaluators.registry import EvaluatorChoice
from tests.support.search_runs import SMALLEST, WIDER

Make = Callable[[], Evaluator]
SEED = 3


def curve(evaluator: Evaluator) -> list[dict[str, Any]]:
    """What was measured, without the seconds that it took."""
    return [
        {name: value for name, value in asdict(measured).items() if value is not None and not name.endswith("seconds")}
        for measured in evaluator.measurements
    ]


def evaluated(evaluator: Evaluator, spec: MovinetSpec = SMALLEST) -> list[dict[str, Any]]:
    """From its first epoch to its last."""
    evaluator.begin(spec, SEED)
    while not evaluator.done:
        evaluator.epoch()
    return curve(evaluator)


def same(curve: list[dict[str, Any]]) -> list[Any]:
    """To be compared with: threads add up in another order."""
    return [pytest.approx(measured, rel=1e-4) for measured in curve]


class EvaluatorContract:
    """A subclass has the fixtures `choice` and `given`; one of `given.clips` is SMALLEST's."""

    @pytest.fixture(scope="class")
    @classmethod
    def choice(cls) -> EvaluatorChoice:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def given(cls) -> Given:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def prepared(cls, choice: EvaluatorChoice, given: Given) -> Prepared:
        return choice.prepare(given)

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, choice: EvaluatorChoice, given: Given, prepared: Prepared) -> Make:
        """Each as another worker makes it, which gets nothing but what JSON can hold."""
        return lambda: choice.make(json.loads(json.dumps(prepared.config)), given.train.epochs)

    @pytest.fixture(scope="class")
    @classmethod
    def whole(cls, make: Make) -> list[dict[str, Any]]:
        """The measurements of SMALLEST, evaluated without interruption."""
        return evaluated(make())

    def test_what_is_prepared_is_the_same_for_the_same_settings(self, choice, given, prepared):
        assert choice.prepare(given) == prepared
        assert len(prepared.classes) == len(set(prepared.classes)) >= 2
        assert prepared.val_clips >= 1

    def test_a_candidate_is_done_after_its_last_epoch(self, make: Make, given: Given):
        evaluator = make()
        evaluator.begin(SMALLEST, SEED)
        for epoch in range(1, given.train.epochs + 1):
            assert not evaluator.done
            assert evaluator.epoch().epoch == len(evaluator.measurements) == epoch
        assert evaluator.done
        assert {"build", "train", "eval"} <= evaluator.times.keys()
        assert all(seconds >= 0 for seconds in evaluator.times.values())
        with pytest.raises(ValueError, match="epochs are done"):
            evaluator.epoch()

    def test_accuracies_are_shares_of_the_validation_clips(self, whole, prepared: Prepared):
        for measured in whole:
            assert 0 <= score_of(measured) <= 1
            clips = measured["val_accuracy"] * prepared.val_clips
            assert clips == pytest.approx(round(clips), abs=1e-3)

    def test_the_same_candidate_and_seed_measure_the_same(self, make: Make, whole):
        assert evaluated(make()) == same(whole)

    def test_one_evaluator_serves_one_candidate_after_the_other(self, make: Make, whole):
        evaluator = make()
        evaluator.begin(WIDER, SEED)
        evaluator.epoch()
        evaluator.end()
        assert evaluated(evaluator) == same(whole)
        evaluator.end()

    def test_saved_midway_and_loaded_elsewhere_it_ends_as_if_it_had_never_stopped(self, make: Make, whole, tmp_path):
        first, second = make(), make()
        first.begin(SMALLEST, SEED)
        first.epoch()
        first.save(tmp_path / "state")
        second.begin(SMALLEST, SEED)
        second.load(tmp_path / "state")
        assert curve(second) == curve(first)
        assert second.earlier_seconds == pytest.approx(sum(first.times.values()), abs=0.5)
        while not second.done:
            second.epoch()
        assert curve(second) == same(whole)
        assert {"build", "train", "eval", "load"} <= second.times.keys()
