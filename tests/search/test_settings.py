"""One YAML file into settings and back; whatever is wrong in it is one line with file, key, value and what is allowed."""

from dataclasses import replace
from pathlib import Path

import pytest

from movinet.config.file import describe, flat
from movinet.config.typed import ConfigError
from search.early_stopping.stopping import Curve
from search.limits import Limits
from search.settings import Settings, first_difference, load_settings, read_settings, settings_to_yaml, steered

CONFIGS = sorted(Path("configs").glob("*.yaml"))
SPACE = """
space:
  clip: {frames: 4, frames_per_second: 5, resolution: [32, 48]}
  stem: {filters: 8}
  block2: {stride: 2, base_filters: [8, 16], layers: [1, 2], expand_ratio: 2, kernel: [1, 3, 3]}
  head: {project_filters: 16, head_filters: 16}
"""


def config(folder: Path, text: str) -> Path:
    path = folder / "x.yaml"
    path.write_text(SPACE + text)
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_resolved_settings_of_each_config_load_back_equal(path, tmp_path):
    settings = load_settings(path)
    resolved = tmp_path / "config.yaml"
    resolved.write_text(settings_to_yaml(settings))
    assert load_settings(resolved) == settings
    assert first_difference(load_settings(resolved), settings) is None


def test_every_setting_off_its_default_survives_the_round_trip(tmp_path):
    text = """
budget: {mflops: 0.5, parameters: 100000}
data: {path: clips, val_share: 0.5, seed: 3, folder: frames, resolution: 48, frames_per_second: 2.5, seconds: 4}
train: {epochs: 3, learning_rate: 0.01, augment: {area: [0.5, 0.9], flip: true, flip_except: [move left]}}
search: {strategy: {name: evolution, population: 3, tournament: 2}, trials: 5, hours: 0.5, epochs: 9, seed: 2,
         reward: {target: 300000, beta: -0.2},
         early_stopping: {kind: asha, grace_epochs: 2, reduction: 3}, time_limit_s: 60}
resources: {workers: 2, threads_per_worker: 2, gpu_fraction: 0.25}
scaling: {coefficients: {depth: 1.3}, base_member: A0, ratio: 1.8, tolerance: 0.05, epochs: 4}
"""
    settings = load_settings(config(tmp_path, text))
    resolved = tmp_path / "config.yaml"
    resolved.write_text(settings_to_yaml(settings))
    assert load_settings(resolved) == settings
    assert settings.train.augment is not None
    assert settings.train.augment.flip_except == ("move left",)
    assert settings.load_budget().flops == 500_000


def test_overrides_are_yaml_values_at_dotted_keys(tmp_path):
    path = config(tmp_path, "search: {trials: 3}\n")
    wanted = ["search.trials=8", "train.learning_rate=1e-3", "data.path=null", "train.augment.area=[0.5, 1]"]
    settings = load_settings(path, wanted)
    assert settings.search.trials == 8
    assert settings.train.learning_rate == 0.001  # text to YAML
    assert settings.data.path is None
    assert settings.train.augment is not None
    assert settings.train.augment.area == (0.5, 1.0)


def test_a_named_space_file_brings_its_budget_unless_the_config_has_one(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE + "budget: {mflops: 2}\n")
    path = tmp_path / "config.yaml"
    path.write_text("space: space.yaml\n")
    assert load_settings(path).load_budget().flops == 2_000_000
    path.write_text("space: space.yaml\nbudget: {parameters: 5000}\n")
    assert load_settings(path).load_budget().flops is None
    assert load_settings(path).load_budget().parameters == 5000


def test_the_first_difference_is_named_by_its_dotted_key(tmp_path):
    old = load_settings(config(tmp_path, "search: {trials: 3}\n"))
    new = load_settings(config(tmp_path, "search: {trials: 4}\n"))
    assert first_difference(old, new) == ("search.trials", 3, 4)


WRONG = {
    "serach: {}": "serach is not a setting; did you mean search? allowed: space, budget, data,",
    "search: {trails: 3}": "search.trails is not a setting; did you mean trials?",
    "search: {trials: -1}": "search.trials=-1 is not allowed; allowed: an integer >= 1",
    "search: {trials: 2.5}": "search.trials=2.5 is not allowed; allowed: an integer",
    "search: {trials: many}": "search.trials=many is not allowed; allowed: an integer",
    "search: {trials: true}": "search.trials=true is not allowed; allowed: an integer",
    "search: {hours: 0}": "search.hours=0.0 is not allowed; allowed: a number > 0, or null",
    "search: {epochs: 0}": "search.epochs=0 is not allowed; allowed: an integer >= 1, or null",
    "search: 3": "search=3 is not allowed; allowed: a mapping with strategy, trials,",
    "search: [trials]": "search=['trials'] is not allowed; allowed: a mapping with",
    "search: {strategy: bayes}": "search.strategy=bayes is not allowed; allowed: random, evolution",
    "search: {objectives: [accuracy, flops, parameters], reward: {target: 1}}": "; allowed: null where",
    "search: {objective: reward}": "search.target_mflops=null is not allowed; allowed: a number > 0",
    "search: {beta: 0.1}": "search.beta=0.1 is not allowed; allowed: a number < 0",
    "search: {beta: .nan}": "search.beta=nan is not allowed; allowed: a number",
    "search: {early_stopping: yes}": "search.early_stopping=true is not allowed; allowed: a mapping with kind,",
    "search: {early_stopping: {kind: median}}": "search.early_stopping.kind=median is not allowed; allowed: promote, top_k, asha, none",
    "search: {early_stopping: {reduction: 1}}": "search.early_stopping.reduction=1.0 is not allowed; allowed: a number > 1",
    "search: {early_stopping: {grace_epochs: 0}}": "search.early_stopping.grace_epochs=0 is not allowed; allowed: an",
    "search: {time_limit_s: 0}": "search.time_limit_s=0.0 is not allowed; allowed: a number > 0, or null",
    "train: {epochs: 0}": "train.epochs=0 is not allowed; allowed: an integer >= 1",
    "train: {learning_rate: fast}": "train.learning_rate=fast is not allowed; allowed: a number",
    "train: {lerning_rate: 0.1}": "train.lerning_rate is not a setting; did you mean learning_rate?",
    "train: {optimizer: adam}": "train.optimizer=adam is not allowed; allowed: adamw, sgd, rmsprop",
    "train: {augment: {area: [0.5]}}": "train.augment.area=[0.5] is not allowed; allowed: a list of 2 times a number",
    "train: {augment: {area: [0.9, 0.5]}}": "train.augment.area=(0.9, 0.5) is not allowed; allowed: (least, most)",
    "train: {augment: {flip_except: 3}}": "train.augment.flip_except=3 is not allowed; allowed: a list of text",
    "train: {freeze_until: block3}": "train.freeze_until=block3 is not allowed; allowed: stem, block0, head, null",
    "train: {class_weights: {run: 0}}": "train.class_weights={'run': 0} is not allowed; allowed: balanced, null, or",
    "data: {val_share: 1}": "data.val_share=1.0 is not allowed; allowed: a number > 0 and < 1",
    "data: {path: 7}": "data.path=7 is not allowed; allowed: text or null",
    "data: {moving_shapes: {train_clips: 0}}": "data.moving_shapes.train_clips=0 is not allowed; allowed: an integer >= 1",
    "data: {moving_shapes: {resolution: 33}}": "data.moving_shapes.resolution=33 is not allowed; allowed: an even number",
    "resources: {workers: all}": "resources.workers=all is not allowed; allowed: an integer or auto",
    "resources: {workers: 0}": "resources.workers=0 is not allowed; allowed: an integer >= 1, or auto",
    "resources: {gpu_fraction: 2}": "resources.gpu_fraction=2.0 is not allowed; allowed: a number, 0 to 1, or auto",
    "scaling: {base_member: A9}": "scaling.base_member=A9 is not allowed; allowed: A0, A1, A2, A3, A4, A5",
    "scaling: {ratio: 1.1}": "scaling.ratio=1.1 is not allowed; allowed: a number so large",
    "scaling: {coefficients: {depth: 0.5}}": "scaling.coefficients.depth=0.5 is not allowed; allowed: a number, 1 to 4",
    "budget: {mflop: 2}": "budget.mflop",
    "budget: {mflops: -2}": "budget.mflops=-2 is not allowed; allowed: a number > 0",
    "search: {trials: 3": "not YAML",
    "search: {trials: 3}\nsearch: {trials: 4}": "key search stands twice",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_one_line_with_file_key_value_and_what_is_allowed(text, tmp_path):
    path = config(tmp_path, text + "\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert WRONG[text] in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.trials", "--set search.trials is not allowed; allowed: key=value"),
        ("serach.trials=3", "serach"),
        ("search.trials.x=3", "--set search.trials.x=3 is not allowed; trials holds 3, not a mapping"),
        ("search.trials=[", "--set search.trials=[ is not allowed; allowed: a value in YAML"),
        ("search.trials=no", "search.trials=false is not allowed; allowed: an integer"),
    ],
)
def test_a_wrong_override_is_one_line(override, message, tmp_path):
    with pytest.raises(ConfigError, match="^") as caught:
        load_settings(config(tmp_path, "search: {trials: 3}\n"), [override])
    assert message in str(caught.value)


def test_a_missing_space_and_a_missing_file_are_named(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("search: {trials: 3}\n")
    with pytest.raises(ConfigError, match="x.yaml: space is missing"):
        load_settings(path)
    path.write_text("space: nowhere.yaml\n")
    with pytest.raises(
        ConfigError, match="x.yaml: space=nowhere.yaml is not allowed; allowed: a YAML file that exists"
    ):
        load_settings(path)
    with pytest.raises(ConfigError, match="absent.yaml: cannot be read"):
        load_settings(tmp_path / "absent.yaml")


def test_settings_need_a_space_and_nothing_else(tmp_path):
    settings = load_settings(config(tmp_path, ""))
    assert settings == Settings(space=settings.space)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", "24 trials"),
        ("search: {trials: 1}", "1 trial"),
        ("search: {hours: 0.5}", "0.5 hours"),
        ("search: {trials: 40, hours: 1, epochs: 240}", "40 trials or 1 hour or 240 epochs, whichever ends first"),
        ("search: {trials: null}", "24 trials"),
    ],
)
def test_a_search_has_limits_of_trials_hours_and_epochs(text, limits, tmp_path):
    assert str(load_settings(config(tmp_path, f"{text}\n")).search.limits) == limits


def test_a_grace_longer_than_the_training_never_stops_a_trial(tmp_path):
    settings = load_settings("configs/folder.yaml", ["train.epochs=4"])
    stopping = settings.search.early_stopping.make(settings.train.epochs)
    losing, others = Curve(9, {"flops": 1e6}, (0.1,) * 4), [Curve(n, {"flops": 1e6}, (0.9,) * 4) for n in range(5)]
    assert all(stopping.goes_on(replace(losing, accuracies=(0.1,) * epoch), others) for epoch in range(1, 5))


def test_a_run_takes_what_steers_it_and_refuses_what_changes_its_meaning(tmp_path):
    path = config(tmp_path, "search: {trials: 3, seed: 1}\nresources: {workers: 2}\n")
    wanted = ["search.trials=9", "search.hours=2", "search.epochs=8", "search.time_limit_s=60", "resources.workers=1"]
    settings = steered(path, [*wanted, "search.seed=1"])
    assert (settings.search.limits, settings.resources.workers) == (Limits(9, 2.0, 8), 1)
    for override, told in {
        "search.seed=7": "search.seed=1 is on record, and 7 would give it another meaning",
        "train.learning_rate=0.1": "train.learning_rate=0.006 is on record, and 0.1 would",
    }.items():
        with pytest.raises(ConfigError) as caught:
            steered(path, ["search.trials=9", override])
        assert str(caught.value).startswith(f"{path}: {told}")


def test_every_setting_has_its_origin(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE + "budget: {mflops: 2}\n")
    path = tmp_path / "config.yaml"
    path.write_text("space: space.yaml\nsearch: {strategy: {name: evolution, population: 3}, early_stopping: top_k}\n")
    changed = ["search.trials=9", "train.augment.flip=true", "search.strategy.tournament=2"]
    lines = describe(*read_settings(path, changed)).splitlines()
    origins = {line.split(":")[0]: line.split("# ")[1] for line in lines}
    assert origins.keys() == flat(load_settings(path, changed).to_dict()).keys()
    for key, origin in {
        "space.block2.layers": str(tmp_path / "space.yaml"),
        "budget.mflops": str(tmp_path / "space.yaml"),
        "search.trials": "--set",
        "search.strategy.name": str(path),
        "search.strategy.population": str(path),
        "search.strategy.tournament": "--set",
        "search.early_stopping.kind": str(path),
        "search.early_stopping.grace_epochs": "default",
        "train.augment.flip": "--set",
        "train.augment.area": "default",
        "train.epochs": "default",
    }.items():
        assert origins[key] == origin, key
    other = describe(*read_settings(path, ["search.strategy=nsga2", "budget.mflops=1"])).splitlines()
    origins = {line.split(":")[0]: line.split("# ")[1] for line in other}
    assert (origins["search.strategy.name"], origins["search.strategy.population"]) == ("--set", "default")
    assert origins["budget.mflops"] == "--set"


def test_a_config_may_build_on_another(tmp_path):
    config(tmp_path, "search: {trials: 3, seed: 4}\n")
    (tmp_path / "own.yaml").write_text("base: x.yaml\nsearch: {trials: 5}\n")
    search = load_settings(tmp_path / "own.yaml").search
    assert (search.trials, search.seed) == (5, 4)
