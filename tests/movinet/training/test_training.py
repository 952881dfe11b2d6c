import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from movinet.data.batching.augment import Augment
from movinet.data.batching.mixing import Mixing
from movinet.data.batching.pipeline import batches
from movinet.data.cache import FrameCache
from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sources.source import read_source
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.training.checkpoint import TrainingStateError
from movinet.training.classes import class_weights, classes_of
from movinet.training.measurement import TrainingDiverged
from movinet.training.new_model import new_model
from movinet.training.settings import TrainSettings
from movinet.training.training import Training

SPEC = MovinetSpec(
    StemSpec(4), (BlockSpec(8, (LayerSpec(8, (3, 3, 3), squeeze_excite=False),)),), HeadSpec(8, 16), ClipSpec(4, 16, 4)
)
QUICK = TrainSettings(epochs=3, batch_size=8, learning_rate=0.01)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """24 training clips and 12 for validation, of 12 classes."""
    folder = tmp_path_factory.mktemp("train")
    synthesize(folder / "clips", MovingShapes(2, 1, resolution=20, frames_per_second=4, seconds=1), workers=1)
    return FrameCache.build(read_source(folder / "clips"), folder / "frames", 20, 4, workers=1)


def start(cache, settings=QUICK, spec=SPEC, pause=None):
    return Training(new_model(spec, len(cache.labels), settings), cache, spec.clip, settings, pause=pause)


def minimize(optimizer, loss_of):
    """One step of an optimizer against what `loss_of` makes of the weights."""
    import keras
    import tensorflow as tf

    values = optimizer.values()
    with tf.GradientTape() as tape:
        tape.watch(values)
        with keras.StatelessScope(optimizer.weights(values)):
            loss = loss_of()
    optimizer.minimize(loss, values, tape)
    optimizer.write()


def without_times(measurement):
    return {name: value for name, value in asdict(measurement).items() if not name.endswith("seconds")}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"epochs": 0}, "TrainSettings.epochs=0 is not allowed; allowed: an integer >= 1"),
        ({"epochs": 6, "horizon": 5}, "TrainSettings.horizon=5 is not allowed; allowed: an integer >= epochs, here 6"),
        ({"batch_size": 2.5}, "TrainSettings.batch_size=2.5 is not allowed"),
        ({"learning_rate": -1.0}, "TrainSettings.learning_rate=-1.0 is not allowed; allowed: a number > 0"),
        ({"learning_rate": float("nan")}, "TrainSettings.learning_rate=nan is not allowed"),
        ({"optimizer": "adam"}, "TrainSettings.optimizer='adam' is not allowed; allowed: adamw, sgd, rmsprop"),
        ({"precision": "half"}, "TrainSettings.precision='half' is not allowed; allowed: float32, mixed_bfloat16"),
        ({"rezero": 1.5}, "TrainSettings.rezero=1.5 is not allowed; allowed: a number >= 0 and <= 1"),
        ({"clip_norm": 0.0}, "TrainSettings.clip_norm=0.0 is not allowed; allowed: a number > 0, or null"),
        ({"dropout": 1.0}, "TrainSettings.dropout=1.0 is not allowed; allowed: a number >= 0 and < 1"),
    ],
)
def test_settings_out_of_range_are_named(wrong, text):
    with pytest.raises(ValueError, match="^" + text.replace(".", r"\.")):
        TrainSettings(**wrong)


def test_a_training_that_ends_before_its_horizon_is_the_beginning_of_the_longer_one(cache):
    whole, part = start(cache), start(cache, replace(QUICK, epochs=1, horizon=3))
    assert without_times(part.epoch()) == without_times(whole.epoch())
    with pytest.raises(ValueError, match="all 1 epochs are done"):
        part.epoch()
    short = start(cache, replace(QUICK, epochs=1))
    assert without_times(short.epoch()) != without_times(start(cache).epoch())


def test_settings_survive_plain_data():
    settings = TrainSettings(epochs=2, augment=Augment(flip=True, flip_except=("bar moving left",)))
    assert TrainSettings(**asdict(settings)) == settings


def test_settings_are_read_without_tensorflow():
    code = "import sys, movinet.training.training; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_network_learns_the_clips_it_sees(cache):
    settings = TrainSettings(epochs=30, batch_size=24, learning_rate=0.03, label_smoothing=0.0, augment=None)
    training = start(cache, settings)
    measured = [training.epoch() for _ in range(settings.epochs)]
    assert measured[0].loss == pytest.approx(np.log(12), rel=0.05)  # knows nothing yet
    assert measured[-1].loss < 0.8 * measured[0].loss
    assert measured[-1].accuracy >= 4 / 12
    assert [m.epoch for m in measured] == list(range(1, 31))


def test_the_same_seed_trains_alike_and_another_does_not(cache):
    first, second, other = (start(cache, replace(QUICK, seed=seed)).epoch() for seed in (0, 0, 1))
    assert without_times(first) == without_times(second)
    assert without_times(first) != without_times(other)


def test_a_loaded_training_goes_on_as_if_it_had_never_stopped(cache, tmp_path):
    settings = replace(QUICK, dropout=0.3, stochastic_depth=0.3)
    whole = start(cache, settings)
    expected = [without_times(whole.epoch()) for _ in range(3)]
    stopped = start(cache, settings)
    stopped.epoch()
    stopped.save(tmp_path)
    resumed = start(cache, settings)
    resumed.load(tmp_path)
    assert resumed.epochs_done == 1
    assert [without_times(resumed.epoch()) for _ in range(2)] == expected[1:]


def test_a_checkpoint_of_something_else_is_refused(cache, tmp_path):
    training = start(cache)
    with pytest.raises(TrainingStateError, match="no readable checkpoint"):
        training.load(tmp_path)
    training.save(tmp_path)
    with pytest.raises(TrainingStateError, match=r"written with train.epochs=3, not 4"):
        start(cache, replace(QUICK, epochs=4)).load(tmp_path)
    with pytest.raises(TrainingStateError, match="of another network"):
        start(cache, spec=replace(SPEC, stem=StemSpec(8))).load(tmp_path)
    (tmp_path / "training.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(TrainingStateError, match="no readable checkpoint"):
        training.load(tmp_path)


def test_a_loss_that_is_no_number_ends_the_training(cache):
    training = start(cache, replace(QUICK, optimizer="sgd", learning_rate=1e30, warmup=0.0, clip_norm=None))
    with pytest.raises(TrainingDiverged, match=r"loss is (nan|inf) at step \d of epoch 1"):
        training.epoch()


def test_no_epoch_comes_after_the_schedules_end(cache):
    training = start(cache, replace(QUICK, epochs=1))
    training.epoch()
    with pytest.raises(ValueError, match="all 1 epochs are done"):
        training.epoch()


def test_every_validation_clip_counts_once_even_in_an_incomplete_batch(cache):
    training = start(cache)  # 12 clips in batches of 8
    clips, labels = next(iter(batches(cache, "val", SPEC.clip, 12)))
    logits = np.asarray(training.model(clips, training=False))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    loss, accuracy, *_ = training.evaluate()
    assert loss == pytest.approx(-np.log(chances[np.arange(12), labels]).mean(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == labels).mean())


def test_weights_set_by_somebody_else_are_trained_on(cache):
    training = start(cache, replace(QUICK, learning_rate=1e-12))
    bias = training.model.trainable_variables[-1]
    bias.assign(np.full(12, 3.0))
    training.epoch()
    np.testing.assert_allclose(np.asarray(bias), 3.0, rtol=1e-6)


def test_forty_clips_of_two_classes_are_learnt_from_scratch(tmp_path):
    shapes = MovingShapes(20, 2, resolution=24, frames_per_second=6, seconds=1)
    synthesize(tmp_path / "clips", shapes, workers=1)
    found = read_source(tmp_path / "clips")
    labels = ("bar growing", "bar spinning")
    two = replace(found, labels=labels, clips=tuple(clip for clip in found.clips if clip.label in labels))
    cache = FrameCache.build(two, tmp_path / "frames", 24, 6, workers=1)
    assert len(cache.index("train")) == 40
    spec = replace(SPEC, clip=ClipSpec(6, 24, 6))
    settings = TrainSettings(epochs=25, batch_size=8, learning_rate=0.02, augment=None)
    training = start(cache, settings, spec)
    for _ in range(settings.epochs):
        training.epoch()
    assert training.evaluate("train").accuracy >= 0.95


def test_an_average_follows_the_weights_and_is_what_is_measured(cache):
    settings = replace(QUICK, average=0.5, epochs=2)
    training, plain = start(cache, settings), start(cache, replace(settings, average=None))
    measured, raw = training.epoch(), plain.epoch()
    assert measured.loss == raw.loss  # the training itself is the same
    assert measured.val_loss != raw.val_loss
    kernel, plain_kernel = (np.asarray(each.model.get_layer("stem").weights[0]) for each in (training, plain))
    np.testing.assert_array_equal(kernel, plain_kernel)
    with training.optimizer.averaged():
        assert not np.array_equal(np.asarray(training.model.get_layer("stem").weights[0]), kernel)
    np.testing.assert_array_equal(np.asarray(training.model.get_layer("stem").weights[0]), kernel)


def test_an_average_is_the_recursion_of_its_definition():
    import keras
    import tensorflow as tf

    from movinet.training.optimizer import VectorOptimizer

    weight = keras.Variable(np.array([1.0, 2.0], np.float32))
    optimizer = VectorOptimizer(keras.optimizers.SGD(0.1), [weight], average=0.9)
    expected = np.asarray(weight).copy()
    for update in range(1, 13):
        minimize(optimizer, lambda: tf.reduce_sum(weight.value**2))
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * np.asarray(weight)
    with optimizer.averaged():
        np.testing.assert_allclose(np.asarray(weight), expected, rtol=1e-5)


def test_gathered_gradients_make_the_update_of_a_larger_batch():
    import keras
    import tensorflow as tf

    from movinet.training.optimizer import new_optimizer

    points = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    weights = [keras.Variable(np.ones(3, np.float32)) for _ in range(2)]
    settings = TrainSettings(optimizer="adamw", learning_rate=0.1, warmup=0, epochs=2, clip_norm=0.1)
    whole, parts = (
        new_optimizer(settings, 1, weights[:1]),
        new_optimizer(replace(settings, accumulate=2), 2, weights[1:]),
    )
    for half in (slice(0, 2), slice(2, 4)):
        before = np.asarray(weights[1])
        minimize(parts, lambda: tf.reduce_mean(tf.exp(points[half] @ weights[1].value[:, None])))  # noqa: B023
        assert np.array_equal(before, np.asarray(weights[1])) == (half.start == 0)
    minimize(whole, lambda: tf.reduce_mean(tf.exp(points @ weights[0].value[:, None])))
    np.testing.assert_allclose(np.asarray(weights[0]), np.asarray(weights[1]), rtol=1e-5)


def test_branches_start_as_wide_as_rezero_says():
    for rezero in (0.0, 0.25):
        model = new_model(SPEC, 3, replace(QUICK, rezero=rezero))
        assert [float(w) for w in model.weights if w.path.endswith("layer0/scale")] == [rezero]


def test_earlier_layers_learn_more_slowly_by_the_layer_decay():
    import keras
    import tensorflow as tf

    from movinet.training.optimizer import VectorOptimizer, _layer_rates

    model = new_model(SPEC, 12, QUICK)
    rates = dict(
        zip([w.path for w in model.trainable_variables], _layer_rates(model.trainable_variables, 0.5), strict=True)
    )
    assert rates["stem/kernel"] == 0.125
    assert rates["block0_layer0/expansion/kernel"] == 0.25
    assert rates["head/project/kernel"] == 0.5
    assert rates["classifier_head/classifier/bias"] == 1.0

    weights = [keras.Variable(np.ones(2, np.float32)) for _ in range(2)]
    optimizer = VectorOptimizer(keras.optimizers.SGD(0.1, momentum=0.9), weights, [0.25, 1.0])
    for _ in range(3):
        minimize(optimizer, lambda: tf.reduce_sum(3 * weights[0].value + 3 * weights[1].value))
    moved = [1 - np.asarray(weight) for weight in weights]
    np.testing.assert_allclose(moved[0], 0.25 * moved[1], rtol=1e-6)


def test_frozen_layers_stay_and_their_batch_norms_too(cache):
    training = start(cache, replace(QUICK, freeze_until="block0"))
    before = {weight.path: np.asarray(weight).copy() for weight in training.model.weights}
    training.epoch()
    for weight in training.model.weights:
        same = np.array_equal(before[weight.path], np.asarray(weight))
        assert same == weight.path.startswith(("stem", "block0")), weight.path


def test_losses_of_classes_count_by_their_weights(cache):
    from movinet.training.loss import Loss

    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    plain, labels = Loss(), np.array([0, 1, 2, 1], np.int32)
    weighted = Loss(class_weights=np.array([1, 3, 0.5], np.float32))
    wanted = plain.wanted(tf_tensor(labels), 3)
    np.testing.assert_allclose(weighted(wanted, logits), np.array([1, 3, 0.5, 3]) * plain(wanted, logits), rtol=1e-6)
    np.testing.assert_allclose(weighted(wanted, logits, smooth=False), plain(wanted, logits), rtol=1e-6)


def test_balanced_weights_make_every_class_count_alike(cache):
    weights = class_weights(cache, replace(QUICK, class_weights="balanced"))
    counts = np.bincount(cache.label_indices[cache.index("train")])
    np.testing.assert_allclose(weights * counts, counts.sum() / 12, rtol=1e-6)
    given = class_weights(cache, replace(QUICK, class_weights={cache.labels[3]: 2.5}))
    assert given.tolist() == [1, 1, 1, 2.5, *[1] * 8]
    with pytest.raises(ValueError, match="train.class_weights.nobody=2 is not allowed; allowed classes: bar growing, "):
        class_weights(cache, replace(QUICK, class_weights={"nobody": 2.0}))


def test_shares_of_labels_give_the_shares_of_their_losses():
    from movinet.training.loss import Loss

    logits = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    loss = Loss()
    mixed = loss(tf_tensor(np.array([[0.3, 0.7, 0], [0, 0, 1]], np.float32)), logits)
    first, second, third = (loss(loss.wanted(tf_tensor(np.full(2, label, np.int32)), 3), logits) for label in range(3))
    np.testing.assert_allclose(mixed, [0.3 * first[0] + 0.7 * second[0], third[1]], rtol=1e-5)


def test_clips_of_several_classes_are_learnt_class_by_class(cache):
    """Labels "shape|motion": 12 labels are made of 3 shapes and 4 motions."""
    cache = FrameCache.open(cache.folder)
    cache.labels = tuple(label.replace(" ", "|", 1) for label in cache.labels)
    settings = replace(QUICK, multi_label=True, epochs=20, batch_size=24, learning_rate=0.03, augment=None)
    classes = classes_of(cache, settings)
    assert classes == ("bar", "cross", "growing", "moving left", "moving right", "spinning", "triangle")
    training = Training(new_model(SPEC, 7, settings), cache, SPEC.clip, settings)
    measured = [training.epoch() for _ in range(settings.epochs)]
    assert measured[0].loss == pytest.approx(np.log(2), rel=0.1)  # each class a coin
    assert measured[-1].loss < 0.75 * measured[0].loss
    trained = training.evaluate("train")
    assert trained.map is not None
    assert trained.map > 0.45  # 0.29 by chance
    assert 0 < measured[-1].val_map <= 1


def test_mixed_clips_train_alike_for_the_same_seed(cache):
    settings = replace(QUICK, mixing=Mixing(mixup=0.5, cutmix=0.5))
    first, second = (start(cache, settings).epoch() for _ in range(2))
    assert without_times(first) == without_times(second)
    assert without_times(first) != without_times(start(cache).epoch())


def tf_tensor(values):
    import tensorflow as tf

    return tf.constant(values)


@pytest.mark.parametrize("name", ["adamw", "sgd", "rmsprop"])
def test_two_vectors_are_updated_as_the_single_weights_would_be(name):
    import keras
    import tensorflow as tf

    from movinet.training.optimizer import VectorOptimizer, new_optimizer

    settings = TrainSettings(optimizer=name, weight_decay=0.1, clip_norm=0.5, learning_rate=0.1, warmup=0.25, epochs=4)
    rng = np.random.default_rng(0)
    start_at = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 2), (4,), (1, 2, 2), ())]
    singles, ours = ([keras.Variable(value) for value in start_at] for _ in range(2))
    single = new_optimizer(settings, 2, singles).optimizer.__class__.from_config(
        new_optimizer(settings, 2, singles).optimizer.get_config()
    )
    single.exclude_from_weight_decay(var_list=[v for v in singles if len(v.shape) < 2])
    vector: VectorOptimizer = new_optimizer(settings, 2, ours)

    def loss_of(variables):
        return sum(tf.reduce_sum(tf.sin(3 * v.value)) for v in variables)

    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = loss_of(singles)
        single.apply(tape.gradient(loss, [v.value for v in singles]), singles)
        minimize(vector, lambda: loss_of(ours))
    for one, other, before in zip(singles, ours, start_at, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=1e-6)
        assert not np.allclose(np.asarray(one), before)


def test_the_learning_rate_rises_and_falls():
    from movinet.training.optimizer import _learning_rate

    rate = _learning_rate(TrainSettings(learning_rate=0.1, warmup=0.2), 100)
    values = [float(rate(step)) for step in range(101)]
    assert 0 < values[0] < values[10] < values[20] == pytest.approx(0.1)
    assert np.all(np.diff(values[20:]) <= 0)
    assert values[100] == pytest.approx(0.0, abs=1e-6)


def test_half_precision_leaves_out_updates_that_overflow_and_scales_the_loss_down(cache, tmp_path):
    settings = replace(QUICK, precision="mixed_float16", average=0.9)
    training = start(cache, settings, pause=1)
    scale = training.optimizer.optimizer.dynamic_scale
    scale.assign(1e30)  # beyond what half precision holds
    before = [np.asarray(weight) for weight in training.model.trainable_variables]

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.epoch(stop)
    assert float(scale) == pytest.approx(5e29)
    assert int(training.optimizer.optimizer.iterations) == 0
    for weight, old in zip(training.model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, old)
    scale.assign(2.0**10)
    measured = training.epoch()
    assert np.isfinite([measured.loss, measured.val_loss]).all()
    assert training.finite
    assert int(training.optimizer.optimizer.iterations) == 2  # of three steps
    assert any((np.asarray(w) != old).any() for w, old in zip(training.model.trainable_variables, before, strict=True))
    training.save(tmp_path)
    again = start(cache, training.settings)
    again.load(tmp_path)
    assert float(again.optimizer.optimizer.dynamic_scale) == 2.0**10


def steps_of(cache, settings, counts, looped=True, spec=SPEC):
    """Losses and accuracies of steps, in calls of so many, and then all that training changes."""
    training = start(cache, settings, spec)
    training._train_steps.looped = looped
    cut = batches(cache, "train", spec.clip, 2, augment=settings.augment, mixing=settings.mixing, together=counts)
    results = [training._train_steps(*batch).numpy() for batch in cut]
    return np.concatenate(results), {name: np.asarray(each) for name, each in training._variables().items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.3, "stochastic_depth": 0.3},
        {"average": 0.9, "accumulate": 2, "layer_decay": 0.7, "mixing": Mixing()},
        {"freeze_until": "stem", "optimizer": "sgd"},
        {"precision": "mixed_float16"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_eight_calls_of_one_step_and_one_call_of_eight_give_the_same_bits(cache, changes):
    settings = replace(QUICK, batch_size=2, **changes)
    (one_by_one, ones), (results, variables) = (steps_of(cache, settings, counts) for counts in (8 * [1], [8]))
    assert results.shape == (8, 2)
    assert np.isfinite(results).all()
    np.testing.assert_array_equal(one_by_one, results)
    for name, value in variables.items():
        np.testing.assert_array_equal(ones[name], value, name)
    states = [value for name, value in variables.items() if name.startswith("random")]
    assert ("dropout" in changes) == any(state[1] == 8 for state in states)  # each step has its own draws


@pytest.mark.parametrize("looped", [True, False])
def test_a_step_on_vectors_is_the_plain_step(cache, looped):
    import keras
    import tensorflow as tf

    from movinet.training.optimizer import new_optimizer

    settings = replace(QUICK, batch_size=2, weight_decay=0.05)
    results, variables = steps_of(cache, settings, [4] if looped else 4 * [1], looped)
    model = new_model(SPEC, 12, settings)
    weights = model.trainable_variables
    optimizer = new_optimizer(settings, 12, weights).optimizer.__class__.from_config(
        new_optimizer(settings, 12, weights).optimizer.get_config()
    )
    optimizer.exclude_from_weight_decay(var_list=[v for v in weights if len(v.shape) < 2])
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    cut = batches(cache, "train", SPEC.clip, 2, augment=settings.augment)
    for (clips, labels), (loss, accuracy) in zip(cut, results, strict=False):
        with tf.GradientTape() as tape:
            logits = model(clips, training=True)
            plain = entropy(labels, logits)
        optimizer.apply(tape.gradient(plain, [v.value for v in weights]), weights)
        assert loss == pytest.approx(float(plain), rel=1e-5)
        assert accuracy == np.mean(logits.numpy().argmax(1) == labels)
    for index, weight in enumerate(model.weights):
        np.testing.assert_allclose(variables[f"weight{index}"], np.asarray(weight), rtol=1e-3, atol=2e-5)


def test_calls_end_where_a_pause_is_wanted(cache):
    training = start(cache, replace(QUICK, batch_size=2), pause=5)
    assert training.steps_at_once == 16
    assert training._calls() == [5, 5, 2]
    training.steps_done = 3
    assert training._calls() == [2, 5, 2]
    seen = []
    training.steps_done = 0
    training.epoch(lambda: seen.append(training.steps_done))
    assert seen == [5, 10, 12]
