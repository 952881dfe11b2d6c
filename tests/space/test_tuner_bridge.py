import pytest
from hypothesis import given

from movinet.spec import spec_from_dict
from space.budget import Budget
from space.decision import SpaceError
from space.load import load_space
from space.tuner_bridge import candidate_from, to_keras_tuner, to_ray
from tests.support.spaces import MOVINET, MOVING_SHAPES, SMALL, rngs

TINY = {
    "clip": {"seconds": 1, "frames_per_second": [2, 4], "resolution": [8, 12]},
    "stem": {"filters": 8},
    "block2": {
        "base_filters": 8,
        "layers": [1, 2],
        "each_layer": {
            "kernel": [[1, 3, 3], [3, 3, 3]],
            "expand_ratio": [1, 2],
            "squeeze_excite": [True, False],
        },
    },
    "head": {"project_filters": [8, 16], "head_filters": 16},
}


def tiny_clips():
    """Eight clips of noise, dark ones of class 0 and bright ones of class 1."""
    import numpy as np

    labels = np.arange(8) % 2
    noise = np.random.default_rng(0).random((8, 4, 12, 12, 3), dtype="float32")
    return 0.5 * noise + 0.5 * labels[:, None, None, None, None].astype("float32"), labels


def test_keras_tuner_declares_every_decision_under_its_depths():
    hyperparameters = to_keras_tuner(MOVING_SHAPES)
    assert [hp.name for hp in hyperparameters.space] == [decision.name for decision in MOVING_SHAPES.decisions]
    for hp, decision in zip(hyperparameters.space, MOVING_SHAPES.decisions, strict=True):
        assert len(hp.values) == len(decision.values)
        conditions = [(c.name, c.values) for c in hp.conditions]
        assert bool(conditions) == bool(decision.condition)
    third = next(hp for hp in hyperparameters.space if hp.name == "block3.layer3.kernel")
    assert [(c.name, c.values) for c in third.conditions] == [("block3.layers", [3])]
    assert third.values == ["1x3x3", "1x5x5", "3x3x3", "5x3x3"]


@given(rngs)
def test_random_hyperparameters_are_a_candidate(rng):
    hyperparameters = to_keras_tuner(load_space(SMALL))
    for hp in hyperparameters.space:
        if hyperparameters.is_active(hp):
            hyperparameters.values[hp.name] = rng.choice(hp.values)
    hyperparameters.values["tuner/epochs"] = 3
    candidate = candidate_from(load_space(SMALL), hyperparameters.values)
    assert candidate in load_space(SMALL)
    assert candidate.values.keys() < hyperparameters.values.keys()


@given(rngs)
def test_what_ray_draws_is_a_candidate_without_the_absent_layers(rng):
    for space in (MOVINET, load_space(SMALL)):
        drawn = {name: rng.choice(choice.categories) for name, choice in to_ray(space).items()}
        candidate = candidate_from(space, drawn)
        assert candidate in space
        assert len(drawn) == len(space.decisions)
        depth = candidate["block2.layers"]
        assert f"block2.layer{depth}.expand_ratio" in candidate.values
        assert f"block2.layer{depth + 1}.expand_ratio" not in candidate.values


def test_values_that_the_space_does_not_have_are_refused():
    drawn = {name: choice.categories[0] for name, choice in to_ray(MOVING_SHAPES).items()}
    with pytest.raises(SpaceError, match=r"block2.layer1.kernel='3x3' is not allowed; allowed: \[1, 3, 3\], \["):
        candidate_from(MOVING_SHAPES, {**drawn, "block2.layer1.kernel": "3x3"})
    drawn.pop("clip.resolution")
    with pytest.raises(SpaceError, match=r"clip.resolution is missing; allowed: 16, 24, 32, 40"):
        candidate_from(MOVING_SHAPES, drawn)


def test_three_trials_of_keras_tuner(tmp_path):
    import keras_tuner

    from space.hypermodel import MovinetHyperModel

    space, (clips, labels) = load_space({"space": TINY}), tiny_clips()
    tuner = keras_tuner.RandomSearch(
        MovinetHyperModel(space, num_classes=2, learning_rate=[0.01, 0.003]),
        objective="val_accuracy",
        max_trials=3,
        seed=1,
        directory=tmp_path,
    )
    tuner.search(clips, labels, validation_data=(clips, labels), epochs=1, verbose=0)
    trials = tuner.oracle.get_best_trials(3)
    assert len(trials) == 3
    assert all(0 <= trial.score <= 1 for trial in trials)
    found = [candidate_from(space, trial.hyperparameters.values) for trial in trials]
    assert len({candidate.id for candidate in found}) == 3
    assert all(candidate in space for candidate in found)


def test_keras_tuner_gives_a_dataset_as_its_users_do(tmp_path):
    import keras_tuner
    import tensorflow as tf

    from space.hypermodel import MovinetHyperModel

    data = tf.data.Dataset.from_tensor_slices(tiny_clips()).batch(4)
    for name, search, validation in (("dataset", (data,), data), ("arrays", tiny_clips(), data)):
        tuner = keras_tuner.RandomSearch(
            MovinetHyperModel(load_space({"space": TINY}), num_classes=2),
            objective="val_accuracy",
            max_trials=1,
            directory=tmp_path / name,
        )
        tuner.search(*search, validation_data=validation, epochs=1, verbose=0)
        assert [trial.status for trial in tuner.oracle.trials.values()] == ["COMPLETED"]


def test_data_that_is_no_batches_of_clips_and_labels_ends_the_search():
    import keras_tuner
    import tensorflow as tf

    from space.hypermodel import MovinetHyperModel

    tuned = MovinetHyperModel(load_space({"space": TINY}), num_classes=2)
    hyperparameters = keras_tuner.HyperParameters()
    model = tuned.build(hyperparameters)
    one_by_one = tf.data.Dataset.from_tensor_slices(tiny_clips())
    for wrong in (iter([]), one_by_one, one_by_one.batch(4).map(lambda clips, _: clips)):
        with pytest.raises(keras_tuner.errors.FatalTypeError, match=r"allowed: arrays of clips and labels, or a tf\."):
            tuned.fit(hyperparameters, model, wrong)


def test_a_dataset_is_resampled_as_its_arrays_are():
    import numpy as np
    import tensorflow as tf

    from movinet.spec import ClipSpec
    from space.hypermodel import fitted, resample

    clips, labels = tiny_clips()
    batches = list(fitted(tf.data.Dataset.from_tensor_slices((clips, labels)).batch(3), ClipSpec(2, 8, 4)))
    assert [len(batch) for batch, _ in batches] == [3, 3, 2]
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in batches]), resample(clips, ClipSpec(2, 8, 4)))
    assert np.concatenate([found for _, found in batches]).tolist() == labels.tolist()


def test_a_network_over_the_budget_is_a_failed_trial():
    import keras_tuner

    from space.hypermodel import MovinetHyperModel

    model = MovinetHyperModel(load_space({"space": TINY}), num_classes=2, budget=Budget(flops=1000))
    with pytest.raises(keras_tuner.errors.FailedTrialError, match=r"flops [\d,]+ over the budget of 1,000"):
        model.build(keras_tuner.HyperParameters())


def test_clips_are_resampled_to_the_candidate_s_clip():
    import numpy as np

    from movinet.spec import ClipSpec
    from space.hypermodel import resample

    clips = np.arange(8, dtype="float32").reshape(1, 8, 1, 1, 1) * np.ones((2, 8, 6, 6, 3), "float32")
    assert resample(clips, ClipSpec(8, 6, 4)).tolist() == clips.tolist()
    shorter = resample(clips, ClipSpec(4, 3, 2))
    assert shorter.shape == (2, 4, 3, 3, 3)
    assert shorter[0, :, 0, 0, 0].tolist() == [1, 3, 5, 7]


def train_drawn(config):
    """A Ray trial of an outsider: decodes what Ray drew, trains one epoch, reports."""
    import keras
    from ray import tune

    from movinet.model import build_movinet
    from space.hypermodel import resample

    spec = candidate_from(load_space({"space": TINY}), config).spec()
    clips, labels = tiny_clips()
    model = build_movinet(spec, num_classes=2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(resample(clips, spec.clip), labels, epochs=1, verbose=0)
    tune.report({"accuracy": history.history["accuracy"][-1], "spec": spec.to_dict()})


@pytest.mark.slow  # two imports of TensorFlow, half a minute on a busy machine
def test_three_trials_of_ray_tune(tmp_path):
    from ray import tune

    from search.engine.ray_cluster import Workers, ray_cluster

    space = load_space({"space": TINY})
    with ray_cluster(Workers(count=1, threads=1)):
        tuner = tune.Tuner(
            train_drawn,
            param_space=to_ray(space),
            tune_config=tune.TuneConfig(num_samples=3, metric="accuracy", mode="max", reuse_actors=True),
            run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
        )
        results = tuner.fit()
    assert not results.errors
    assert len(results) == 3
    for result in results:
        assert 0 <= result.metrics["accuracy"] <= 1
        assert candidate_from(space, result.config).spec() == spec_from_dict(result.metrics["spec"])
