"""Features of any network, what curves are worth, and predictions that know how sure they are."""

import random

import numpy as np
import pytest

from movinet.cost import network_cost
from movinet.presets import preset
from search.predictors.accuracy import AccuracyPredictor
from search.predictors.evidence import Evidence, evidence_of, to_accuracy, to_z
from search.predictors.features import features
from space.load import load_space
from space.sampling import sample

SPACE = load_space("configs/spaces/moving_shapes.yaml")


def of(spec):
    return features(spec, network_cost(spec, num_classes=12))


def test_networks_of_one_space_have_as_many_features_and_different_networks_different_ones():
    rng = random.Random(0)
    rows = [of(sample(SPACE, rng).spec()) for _ in range(50)]
    assert len({len(row) for row in rows}) == 1
    assert np.isfinite(rows).all()
    assert len(set(rows)) > 45


def test_a_published_network_has_features_as_well():
    assert np.isfinite(of(preset("a0-base"))).all()


def test_the_scale_of_accuracies_goes_there_and_back():
    accuracies = np.linspace(0, 1, 21)
    assert to_accuracy(to_z(accuracies)) == pytest.approx(accuracies)


def test_a_whole_curve_says_its_best_epoch_and_a_cut_one_what_those_that_went_on_became():
    whole = [[0.1 * k, 0.1 * k + 0.2, 0.1 * k + 0.4] for k in range(5)]
    told = evidence_of([*whole, [0.2]], epochs=3)
    assert [float(to_accuracy(item.z)) for item in told[:5]] == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8])
    assert all(item.variance == 0 for item in told[:5])
    assert float(to_accuracy(told[5].z)) == pytest.approx(0.6, abs=0.03)
    assert told[5].variance > 0


def test_a_cut_curve_says_nothing_while_nobody_went_on():
    assert evidence_of([[0.1, 0.2], [0.3], []], epochs=2)[1:] == [None, None]


def test_predictions_follow_the_trend_and_are_less_sure_far_away():
    rng = random.Random(1)
    rows = [[rng.uniform(-1, 1) for _ in range(5)] for _ in range(40)]
    predictor = AccuracyPredictor(rows, [Evidence(1 + row[0] + 0.5 * row[1]) for row in rows])
    means, deviations = predictor.predict([[0.5, 0.5, 0, 0, 0], [-0.5, -0.5, 0, 0, 0], [9, 9, 9, 9, 9]])
    assert means[:2] == pytest.approx([1.75, 0.25], abs=0.15)
    assert deviations[2] > 3 * deviations[0]


def test_evidence_that_is_unsure_pulls_less():
    rows = [[float(x)] for x in range(6)]
    flat = [Evidence(0.0) for _ in rows]
    sure = AccuracyPredictor(rows, [*flat[:5], Evidence(1.0)])
    unsure = AccuracyPredictor(rows, [*flat[:5], Evidence(1.0, variance=9.0)], sure.kernel)
    assert unsure.predict([[5.0]])[0] < sure.predict([[5.0]])[0]
