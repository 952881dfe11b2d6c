from dataclasses import replace

from movinet.presets import preset
from movinet.spec import spec_to_yaml
from results.summary import closing_summary, front_table, text_table, trials_line
from tests.results.test_plots import FAMILY, TRIALS, write_run


def test_the_summary_of_a_run_with_a_family(tmp_path):
    files = {"A0": {"file": "clip.tflite"}, "A1": {"file": None, "reason": "ExportError: CONV_3D in mine"}}
    family = {name: {**metrics, "parameters": 1234, "litert": files[name]} for name, metrics in FAMILY.items()}
    write_run(tmp_path / "demo", TRIALS, family)
    for name in family:
        (tmp_path / "demo" / "family" / name / "spec.yaml").write_text(
            spec_to_yaml(preset("a0-base" if name == "A0" else "a0-stream"))
        )
    text = closing_summary(tmp_path / "demo", "my clips/one.mp4")
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["6", "trials", "(2", "stopped,", "1", "failed),", "3", "on", "the", "front"]
    assert ["#1", "2.00", "100", "25.0%"] in lines
    member_folder = str(tmp_path / "demo" / "family" / "A0")
    assert ["A0", "50", "x", "172²", "4.00", "1,234", "62.5%", member_folder] in lines
    assert f"--model {tmp_path / 'demo' / 'family' / 'A1'} --stream" in text  # the best one, which is causal
    assert "predict 'my clips/one.mp4'" in text
    assert f"\nphones   {tmp_path / 'demo' / 'family' / '*' / 'clip.tflite'}\n" in text
    assert "\nno file  A1: ExportError: CONV_3D in mine\n" in text


def test_what_was_searched_by_is_the_first_cost_of_its_tables():
    buffered = [replace(each, objectives={"buffer_bytes": 2048}) for each in TRIALS[:1]]
    assert front_table(buffered).splitlines() == [
        "trial  KiB of buffers  MFLOPs  parameters  accuracy",
        "   #0            2.00    4.00         100     50.0%",
    ]


def test_a_test_split_is_first_and_every_figure_has_its_interval(tmp_path):
    more = {"val_clips": 8, "test_accuracy": 0.5, "test_clips": 40, "parameters": 9, "epoch": 2, "epochs": 4}
    family = {name: {**metrics, **more} for name, metrics in FAMILY.items()}
    write_run(tmp_path / "demo", [replace(each, val_clips=8) for each in TRIALS], family)
    for name in family:
        (tmp_path / "demo" / "family" / name / "spec.yaml").write_text(spec_to_yaml(preset("a0-base")))
    lines = closing_summary(tmp_path / "demo").splitlines()
    assert next(line for line in lines if "#3" in line).endswith("75.0% (40.9-92.9)")
    header = next(line for line in lines if line.startswith("member"))
    assert header.index("test accuracy") < header.index("val accuracy")
    row = next(line for line in lines if line.startswith("A0"))
    assert row.index("50.0% (35.2-64.8)") < row.index("62.5% (30.6-86.3)")
    assert (
        "accuracy best of 1 epochs (family: of 4) on 8 clips of validation, which flatters; in brackets: 95% interval"
        in lines
    )
    assert "test     on 40 clips of the test split, by which nothing was chosen" in lines


def test_the_summary_of_a_run_before_its_first_trial_ended(tmp_path):
    write_run(tmp_path / "demo", [])
    assert closing_summary(tmp_path / "demo").startswith("0 trials, 0 on the front\n\npicture ")


def test_a_family_member_without_metrics_is_left_out(tmp_path):
    write_run(tmp_path / "demo", TRIALS)
    (tmp_path / "demo" / "family" / "A0").mkdir(parents=True)
    assert "A0" not in closing_summary(tmp_path / "demo")


def test_columns_are_aligned():
    table = text_table(["name", "value"], [["a", 1], ["bcdef", 1000]], left=("name",))
    assert table.splitlines() == ["name   value", "a          1", "bcdef   1000"]


def test_all_finished_trials_need_no_brackets():
    assert trials_line(TRIALS[:1]) == "1 trial, 1 on the front"
