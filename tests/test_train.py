import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from movinet.data.augment import Augment
from movinet.data.cache import FrameCache
from movinet.data.moving_shapes import MovingShapes, synthesize
from movinet.data.pipeline import batches
from movinet.data.sources import read_source
from movinet.spec import BlockSpec, ClipSpec, HeadSpec, LayerSpec, MovinetSpec, StemSpec
from movinet.train import CheckpointError, Training, TrainingDiverged, TrainSettings, new_model

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


def start(cache, settings=QUICK, spec=SPEC):
    return Training(new_model(spec, len(cache.labels), settings), cache, spec.clip, settings)


def without_times(measurement):
    return {name: value for name, value in asdict(measurement).items() if not name.endswith("seconds")}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"epochs": 0}, "TrainSettings.epochs=0 is not allowed; allowed: an integer >= 1"),
        ({"batch_size": 2.5}, "TrainSettings.batch_size=2.5 is not allowed"),
        ({"learning_rate": -1.0}, "TrainSettings.learning_rate=-1.0 is not allowed; allowed: a number > 0"),
        ({"learning_rate": float("nan")}, "TrainSettings.learning_rate=nan is not allowed"),
        ({"optimizer": "adam"}, "TrainSettings.optimizer='adam' is not allowed; allowed: adamw, sgd, rmsprop"),
        ({"precision": "half"}, "TrainSettings.precision='half' is not allowed; allowed: float32, mixed_bfloat16"),
        ({"clip_norm": 0.0}, "TrainSettings.clip_norm=0.0 is not allowed; allowed: a number > 0, or null"),
        ({"dropout": 1.0}, "TrainSettings.dropout=1.0 is not allowed; allowed: a number >= 0 and < 1"),
    ],
)
def test_settings_out_of_range_are_named(wrong, text):
    with pytest.raises(ValueError, match="^" + text.replace(".", r"\.")):
        TrainSettings(**wrong)


def test_settings_survive_plain_data():
    settings = TrainSettings(epochs=2, augment=Augment(flip=True, flip_except=("bar moving left",)))
    assert TrainSettings(**asdict(settings)) == settings


def test_settings_are_read_without_tensorflow():
    code = "import sys, movinet.train; assert not {'tensorflow', 'keras'} & set(sys.modules)"
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
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        training.load(tmp_path)
    training.save(tmp_path)
    with pytest.raises(CheckpointError, match=r"written with train.epochs=3, not 4"):
        start(cache, replace(QUICK, epochs=4)).load(tmp_path)
    with pytest.raises(CheckpointError, match="of another network"):
        start(cache, spec=replace(SPEC, stem=StemSpec(8))).load(tmp_path)
    (tmp_path / "training.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
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


@pytest.mark.parametrize("name", ["adamw", "sgd", "rmsprop"])
def test_two_vectors_are_updated_as_the_single_weights_would_be(name):
    import keras
    import tensorflow as tf

    from movinet.train_step import VectorOptimizer, new_optimizer

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
        with tf.GradientTape() as tape:
            loss = loss_of(ours)
        vector.minimize(loss, tape)
    for one, other, before in zip(singles, ours, start_at, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=1e-6)
        assert not np.allclose(np.asarray(one), before)


def test_the_learning_rate_rises_and_falls():
    from movinet.train_step import _learning_rate

    rate = _learning_rate(TrainSettings(learning_rate=0.1, warmup=0.2), 100)
    values = [float(rate(step)) for step in range(101)]
    assert 0 < values[0] < values[10] < values[20] == pytest.approx(0.1)
    assert np.all(np.diff(values[20:]) <= 0)
    assert values[100] == pytest.approx(0.0, abs=1e-6)
