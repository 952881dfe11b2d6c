import copy
import re

import pytest
import yaml

from movinet.spec import StemSpec
from space.budget import Budget
from space.decision import SpaceError
from space.load import load_budget, load_space
from tests.support.spaces import SMALL, SPACES

GOOD = {**SMALL, "budget": {"gflops": 0.2, "parameters": 500_000, "activation_mb": 1.5, "buffer_mb": 0.25}}
GOOD["space"] = {**SMALL["space"], "model": {"causal": [True, False], "se_type": "3d"}}

WRONG = {  # key path -> (value, what the one line says)
    "spaec": ({}, "spaec={} is not a key; allowed: space, budget"),
    "space": (None, "space is missing; allowed: a mapping of keys to values"),
    "space.clip": ("2 s", "space.clip='2 s' is not allowed; allowed: a mapping of keys to values"),
    "space.clip.resolution": (
        [24, "32"],
        "space.clip.resolution[1]='32' is not allowed; allowed: an integer, 8 to 4,096",
    ),
    "space.clip.seconds": ("1e-3", "write 0.001 for 1e-3"),
    "space.clip.frames": (8, "space.clip.frames=8 stands beside seconds; allowed: one of seconds, frames"),
    "space.clip.frames_per_second": ([5, 2.5], "=[5, 2.5] is not allowed; allowed: values that increase"),
    "space.model.causal": ("yes please", "space.model.causal='yes please' is not allowed; allowed: true, false"),
    "space.model.conv_type": (["3d", "4d"], "space.model.conv_type[1]='4d' is not allowed; allowed: 3d, 2plus1d"),
    "space.model.se_type": (["3d", "3d"], "space.model.se_type=['3d', '3d'] is not allowed; allowed: each value once"),
    "space.model.activation": (7, "space.model.activation=7 is not allowed; allowed: swish, hard_swish, relu, relu6"),
    "space.model.dropout": (0.1, "space.model.dropout=0.1 is not a key; allowed: causal, conv_type"),
    "space.stem.filters": (0, "space.stem.filters=0 is not allowed; allowed: an integer, 1 to 16,384"),
    "space.stem.width_multiplier": (-1, "space.stem.width_multiplier=-1 is not allowed; allowed: a number > 0"),
    "space.stem.stride": (3, "space.stem.stride=3 is not allowed; allowed: 1, 2"),
    "space.block2": (None, "space.block2 is missing"),
    "space.block2.layers": (
        [],
        "space.block2.layers=[] is not allowed; allowed: one value or more, each an integer, 1",
    ),
    "space.block2.layer": (
        2,
        "space.block2.layer=2 is not a key; allowed: stride, base_filters, width_multiplier, layers",
    ),
    "space.block2.kernel": (
        [2, 3, 3],
        "space.block2.kernel=[2, 3, 3] is not allowed; allowed: [time, height, width], odd",
    ),
    "space.block2.base_filters": (True, "space.block2.base_filters=True is not allowed; allowed: an integer"),
    "space.block2.stride": (True, "space.block2.stride=True is not allowed; allowed: 1, 2"),
    "space.block2.expand_filters": (8, "space.block2.expand_filters=8 stands beside expand_ratio; allowed: one"),
    "space.block2.squeeze_excite": (
        True,
        "squeeze_excite=[True, False] stands twice; allowed: in block2 or in its each",
    ),
    "space.block2.each_layer.expand_ratio": (
        [1.5, float("nan")],
        "expand_ratio[1]=nan is not allowed; allowed: a number",
    ),
    "space.block2.each_layer.squeeze_excite": ([1, 0], "squeeze_excite[0]=1 is not allowed; allowed: true, false"),
    "space.block2.each_layer.stride": (
        2,
        "each_layer.stride=2 is not a key; allowed: kernel, expand_ratio, expand_filters",
    ),
    "space.block2.each_layer": ([1, 2], "space.block2.each_layer=[1, 2] is not allowed; allowed: a mapping"),
    "space.block3.kernel": (
        [[3, 3, 3], [5, 3]],
        "space.block3.kernel[1]=[5, 3] is not allowed; allowed: [time, height",
    ),
    "space.block3.layers": (1000, "space.block3.layers=1000 is not allowed; allowed: an integer, 1 to 100"),
    "space.block3.expand_filters": (None, "space.block3.expand_filters=None is not allowed; allowed: an integer"),
    "space.block5": ({}, "space.block5={} stands here; allowed: blocks without a gap, here block2, block3, block4"),
    "space.head.project_filters": ({"a": 1}, "space.head.project_filters={'a': 1} is not allowed; allowed: an integer"),
    "space.head.project_filter": (32, "space.head.project_filter=32 is not a key; allowed: project_filters"),
    "budget.flops": (5_000_000, "budget.gflops=0.2 stands beside flops; allowed: one of flops, mflops, gflops"),
    "budget.gflops": ("2e8", "budget.gflops='2e8' is not allowed; allowed: a number > 0 and <= 1e+09 (this is text"),
    "budget.parameters": (1.5, "budget.parameters=1.5 is not allowed; allowed: an integer, 1 to 1,000,000,000,000,000"),
    "budget.latency": (3, "budget.latency=3 is not a key; allowed: flops, mflops, gflops, parameters"),
}


def changed(path, value):
    document = copy.deepcopy(GOOD)
    *parents, key = path.split(".")
    section = document
    for parent in parents:
        section = section[parent]
    section[key] = value
    return document


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_file_is_one_line_with_file_key_value_and_what_is_allowed(path, tmp_path):
    value, message = WRONG[path]
    file = tmp_path / "space.yaml"
    file.write_text(yaml.safe_dump(changed(path, value)))
    with pytest.raises(SpaceError) as error:
        (load_budget if path.startswith("budget") else load_space)(file)
    line = str(error.value)
    assert line.startswith(f"{file}: ")
    assert "\n" not in line
    assert message in line
    assert "allowed: " in line


@pytest.mark.parametrize(
    "path",
    [
        "clip",
        "clip.seconds",
        "clip.resolution",
        "clip.frames_per_second",
        "stem.filters",
        "block2.layers",
        "block2.kernel",
        "block2.base_filters",
        "block2.each_layer",
        "block3.expand_filters",
        "head.project_filters",
    ],
)
def test_a_missing_key_is_named(path):
    document = copy.deepcopy(GOOD)
    section = document["space"]
    *parents, key = path.split(".")
    for parent in parents:
        section = section[parent]
    del section[key]
    with pytest.raises(SpaceError, match=r"^space\.\w+(\.\w+)? is missing; allowed: ") as error:
        load_space(document)
    assert path.split(".")[0] in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("space: {clip: [1, 2}", ":1: not YAML ("),
        ("space:\n  clip: {}\n  clip: {}\n", ":3: not YAML (key clip stands twice)"),
        ("space:\n\tclip: {}\n", ":2: not YAML ("),
        ("space: !!python/object/apply:os.system [true]\n", ":1: not YAML ("),
        ("- a\n- b\n", ": the file=['a', 'b'] is not allowed; allowed: a mapping"),
        ("", ": the file is missing; allowed: a mapping"),
        ("space: *nothing\n", ":1: not YAML ("),
        ("space: \x07\n", ": not YAML ("),
    ],
)
def test_what_is_not_yaml_is_named_with_its_line(text, message, tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(text)
    with pytest.raises(SpaceError) as error:
        load_space(file)
    assert str(error.value).startswith(f"{file}{message}")
    assert "\n" not in str(error.value)


def test_a_huge_or_endless_value_is_shown_in_short(tmp_path):
    for text in ("a: &a {b: *a}\n", "a: &a [1,1]\nb: &b [*a,*a]\nc: &c [*b,*b]\n" + "d: " + "x" * 10_000, "[" * 9999):
        file = tmp_path / "space.yaml"
        file.write_text(text)
        with pytest.raises(SpaceError) as error:
            load_space(file)
        assert len(str(error.value)) < 400 + len(str(file))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SpaceError, match=r"none\.yaml: cannot be read \(No such file or directory\)"):
        load_space(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("space: é".encode("latin-1"))
    with pytest.raises(SpaceError, match=r"latin\.yaml: byte 7 is not UTF-8"):
        load_space(tmp_path / "latin.yaml")


def test_other_sections_are_allowed_where_the_caller_says_so():
    document = {**GOOD, "search": {"trials": 4}}
    with pytest.raises(SpaceError, match=re.escape("search={'trials': 4} is not a key; allowed: space, budget")):
        load_space(document)
    assert load_space(document, sections=("space", "budget", "search")) == load_space(GOOD)


def test_a_budget_is_in_plain_units():
    assert load_budget(GOOD) == Budget(200_000_000, 500_000, activation_bytes=1_500_000, buffer_bytes=250_000)
    assert load_budget(SMALL) is None
    assert load_budget({**SMALL, "budget": {"mflops": 4}}) == Budget(flops=4_000_000)


def test_a_list_is_a_decision_and_a_single_value_is_fixed():
    space = load_space(GOOD)
    assert space.by_name["stem.filters"].values == (8,)
    assert space.by_name["model.causal"].values == (True, False)
    assert space.by_name["block2.kernel"].values == ([1, 5, 5], [3, 3, 3])
    assert space.by_name["block2.layer2.expand_ratio"].values == (1.5, 2.0, 3.0)
    assert space.fixed["block3.kernel"] == [3, 3, 3]
    assert space.fixed["block2.stride"] == 2
    assert space.fixed["stem.kernel"] == list(StemSpec(8).kernel)
    assert space.fixed["model.conv_type"] == "3d"


def test_a_single_value_in_each_layer_holds_for_the_whole_block():
    block = {**SMALL["space"]["block3"]}
    kernel = block.pop("kernel")
    moved = {"space": {**SMALL["space"], "block3": {**block, "each_layer": {"kernel": kernel}}}}
    assert load_space(moved) == load_space(SMALL)


def test_ratios_are_floats_so_that_a_decision_has_one_type():
    values = load_space(SPACES / "movinet.yaml").by_name["block6.layer10.expand_ratio"].values
    assert values == (1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
    assert {type(value) for value in values} == {float}
