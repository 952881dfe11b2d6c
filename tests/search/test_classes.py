"""What a search's networks tell apart: clips of several classes, weights of classes, and what of it is refused when."""

import json
from pathlib import Path

import pytest

from movinet.data.sets.moving_shapes import MovingShapes, synthesize
from movinet.data.sources.source import read_source
from movinet.experiment.report import evaluate_folder
from movinet.experiment.settings import load_experiment
from movinet.machine.progress import Progress
from movinet.models.folder import read_member
from movinet.spec import spec_from_dict
from results.drawing import draw
from results.members import read_labels, read_members
from results.plots import front_plot, write_front
from results.store import load_records
from results.summary import closing_summary
from search.run import run_search, train_family
from search.settings import load_settings
from search.view.listener import Listener
from tests.support.search_runs import write_config

pytest.importorskip("ray")
CLASSES = ["bar", "cross", "growing", "moving left", "moving right", "spinning", "triangle"]


class Began(Listener):
    """Whether any trial was handed out."""

    trials = 0

    def on_run(self, total, workers, finished):
        self.trials = total


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """A list of 48 clips with labels such as bar|growing: 12 of them, made of 7 classes."""
    folder = tmp_path_factory.mktemp("clips")
    shapes = synthesize(folder / "shapes", MovingShapes(3, 1, resolution=32, frames_per_second=8, seconds=1))
    rows = [f"{c.path},{c.label.replace(' ', '|', 1)},{c.split}" for c in read_source(shapes).clips]
    (folder / "clips.csv").write_text("\n".join(["path,label,split", *rows]))
    return folder / "clips.csv"


@pytest.fixture(scope="module")
def several(clips, tmp_path_factory):
    """A search of 2 trials on clips of several classes, and a member of its family: (settings, run folder)."""
    folder = tmp_path_factory.mktemp("several")
    train = {"multi_label": True, "class_weights": {"bar": 2, "spinning": 0.5}, "freeze_until": "stem", "average": 0.9}
    config = write_config(folder, folder / "data", train=train, search={"trials": 2})
    settings = load_settings(config, [f"data.path={clips}"])
    records = run_search(settings, folder / "run")
    train_family(settings, folder / "run", {"A0": spec_from_dict(records[0].spec)})
    return settings, folder / "run"


def test_a_search_scores_clips_of_several_classes_by_mean_average_precision(several):
    settings, run = several
    assert read_labels(run) == CLASSES
    for record in load_records(run):
        assert (record.status, record.reason) == ("finished", None)
        assert record.accuracy == max(measured["val_map"] for measured in record.measurements)
        assert len(record.measurements) == settings.train.epochs


def test_a_member_for_clips_of_several_classes_is_worth_what_it_says(several):
    _, run = several
    member = read_member(run / "family" / "A0")
    assert (list(member.labels), member.multi_label) == (CLASSES, True)
    metrics = read_members(run)["A0"]
    assert metrics["litert"]["reason" if metrics["litert"]["file"] is None else "file"] == "clip.tflite"
    assert json.loads((run / "family" / "A0" / "clip.json").read_text())["multi_label"] is True
    frames = sorted(run.parent.glob("data/frames/*/frames.bin"))
    experiment, _ = load_experiment(run / "family" / "A0" / "config.yaml")
    report = evaluate_folder(experiment, run / "family" / "A0", Progress()).figures
    assert sorted(run.parent.glob("data/frames/*/frames.bin")) == frames  # those of the search; none was decoded anew
    assert report["map"] == pytest.approx(metrics["accuracy"], abs=1e-6)
    assert report["top1"] == pytest.approx(metrics["top1"])
    assert sorted(report["per_class"]) == CLASSES


def test_what_is_drawn_of_several_classes_is_named_and_has_no_line_of_chance(several):
    _, run = several
    plot = front_plot(load_records(run), read_members(run), "several", len(CLASSES))
    assert (plot.measure, plot.chance) == ("mean average precision", None)
    assert draw(plot).axes[0].get_ylabel() == "validation mean average precision, best of 2 epochs"
    assert all(path.stat().st_size for path in write_front(run))
    assert [line.split()[3] for line in closing_summary(run).splitlines() if line.startswith("trial ")] == ["mAP"]


def test_weights_of_a_class_that_is_not_there_are_refused_before_anything_is_trained(clips, tmp_path):
    config = write_config(tmp_path, tmp_path / "data", train={"class_weights": {"bar": 2}})
    began = Began()
    with pytest.raises(ValueError, match=r"^train.class_weights.bar=2 is not allowed; allowed classes: bar\|growing, "):
        run_search(load_settings(config, [f"data.path={clips}"]), tmp_path / "run", began)
    assert began.trials == 0
    assert not (tmp_path / "run" / "asked.jsonl").exists()
    settings = load_settings(config, [f"data.path={clips}", "train.class_weights=balanced", "budget={parameters: 1}"])
    with pytest.raises(ValueError, match="budget"):  # the run that was refused takes the new settings
        run_search(settings, tmp_path / "run", began)
