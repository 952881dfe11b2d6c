from dataclasses import replace

from movinet.evaluation.intervals import Accuracy
from results.accuracies import epochs_of, first_of, in_validation, in_words, of_record, on_test, words_on_accuracy
from results.pareto import front
from tests.results.test_plots import TRIALS, trial

MEMBER = {"accuracy": 0.75, "val_clips": 40, "epoch": 3, "epochs": 6}
TESTED = {**MEMBER, "test_accuracy": 0.5, "test_clips": 20}


def counted(number: int, accuracy: float, clips: int = 480):
    return replace(trial(number, 1.0 + number, accuracy), val_clips=clips)


def said(trials, members=None, classes=12) -> list[str]:
    return words_on_accuracy(trials, members or {}, classes)


def test_a_member_is_shown_by_the_test_split_where_there_is_one():
    assert (first_of(TESTED), in_validation(TESTED)) == (Accuracy(0.5, 20), Accuracy(0.75, 40))
    assert (first_of(MEMBER), on_test(MEMBER)) == (Accuracy(0.75, 40), None)
    assert in_words(TESTED) == "test 50.0% (29.9-70.1), validation 75.0% (59.8-85.8)"
    assert in_words({"accuracy": 0.75}) == "75.0%"  # of a run from before clips were counted
    assert in_validation({**MEMBER, "map": 0.75}).interval is None


def test_equal_counts_of_clips_are_equal_accuracies():
    one, other = counted(0, 16 / 30, 30), counted(1, 16 / 30 + 1e-8, 30)
    assert of_record(one) == of_record(other)
    assert front([(each.cost["flops"], of_record(each).value) for each in (one, other)]) == [0]


def test_what_the_figures_are_of_is_said():
    trials = [counted(0, 0.75), counted(1, 0.25)]
    assert said(trials) == [
        "accuracy best of 1 epochs on 480 clips of validation, which flatters; in brackets: 95% interval"
    ]
    assert "(family: of 6)" in said(trials, {"A0": MEMBER})[0]
    assert said(trials, {"A0": MEMBER})[1].startswith("test     none: the clips have no test split")
    assert said(trials, {"A0": TESTED})[1] == "test     on 20 clips of the test split, by which nothing was chosen"
    assert said(TRIALS)[0] == "accuracy best of 1 epochs on the clips of validation, which flatters"
    assert said([]) == []
    assert epochs_of([]) == 0


def test_noise_is_called_noise():
    assert "noise" not in "".join(said([counted(0, 0.75), counted(1, 0.6)]))
    *_, line = said([counted(0, 0.75), counted(1, 0.74), counted(2, 0.73), counted(3, 0.5)])
    assert line == (
        "noise    trial #0, the best with 75.0% (70.9-78.7), is within noise of the next, trial #1, and of 1 more"
    )
    *_, line = said([counted(0, 2 / 12, 12), counted(1, 0.0, 12)])
    assert line == "noise    trial #0, the best with 16.7% (4.7-44.8), is within noise of chance (8.3%)"
    *_, line = said([counted(0, 0.75), counted(1, 0.5)], {"A0": TESTED, "A1": {**TESTED, "test_accuracy": 0.45}})
    assert line == "noise    A0, the best with 50.0% (29.9-70.1), is within noise of the next, A1"
