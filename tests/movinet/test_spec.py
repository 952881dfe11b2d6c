import json
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from movinet.presets import PRESETS, preset
from movinet.spec import (
    BlockSpec,
    ClipSpec,
    HeadSpec,
    LayerSpec,
    MovinetSpec,
    SpecError,
    StemSpec,
    make_divisible,
    read_spec,
    spec_from_dict,
    spec_from_yaml,
    spec_to_yaml,
)
from tests.support.random_specs import OFF_DEFAULT, random_spec

TINY = MovinetSpec(StemSpec(8), (BlockSpec(8, (LayerSpec(24, (1, 5, 5)), LayerSpec(16, (3, 3, 3)))),), HeadSpec(32, 64))
specs = st.integers(0, 2**64).map(lambda seed: random_spec(Random(seed)))


def leaves(value, path=()):
    """(path, value) of everything in a spec that is no dataclass."""
    if is_dataclass(value):
        return [leaf for f in fields(value) for leaf in leaves(getattr(value, f.name), (*path, f.name))]
    if isinstance(value, tuple) and is_dataclass(value[0]):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [(path, value)]


def test_off_default_has_no_field_at_its_default():
    defaults = leaves(MovinetSpec(StemSpec(8), (BlockSpec(8, (LayerSpec(24, (1, 5, 5)),)),), HeadSpec(32)))
    without_default = {"filters", "base_filters", "expand_filters", "project_filters"}
    same = [a for a, b in zip(leaves(OFF_DEFAULT), defaults, strict=True) if a == b and a[0][-1] not in without_default]
    assert same == [(("blocks", 0, "layers", 0, "kernel"), (1, 5, 5))]


@pytest.mark.parametrize("spec", [OFF_DEFAULT, *PRESETS.values()], ids=["off default", *PRESETS])
def test_dict_json_and_yaml_bring_a_spec_back(spec):
    assert spec_from_dict(spec.to_dict()) == spec
    assert spec_from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert spec_from_yaml(spec_to_yaml(spec)) == spec


@given(specs)
def test_any_spec_comes_back_from_yaml_with_its_id(spec):
    again = spec_from_yaml(spec_to_yaml(spec))
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.id == spec.id


def built(spec):
    """The spec without the fields that change nothing in the network."""
    squeezes = spec.se_type != "none" and any(layer.squeeze_excite for block in spec.blocks for layer in block.layers)
    if not squeezes:
        off = tuple(
            replace(block, layers=tuple(replace(layer, squeeze_excite=False) for layer in block.layers))
            for block in spec.blocks
        )
        spec = replace(spec, blocks=off, se_type="none", gating_activation="sigmoid")
    return replace(spec, use_positional_encoding=spec.use_positional_encoding and spec.causal and squeezes)


@given(specs, st.randoms(use_true_random=False))
def test_ids_are_equal_exactly_when_networks_are(spec, rng):
    other = random_spec(rng)
    field = rng.choice([f.name for f in fields(MovinetSpec)])
    changed = replace(spec, **{field: getattr(other, field)})
    assert (changed.id == spec.id) == (built(changed) == built(spec))


def test_an_id_is_the_same_in_every_process():
    program = "from movinet.presets import preset; print(preset('a0-base').id)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == preset("a0-base").id == "ef07b8dca8"


def test_importing_spec_and_cost_loads_nothing_heavy():
    program = (
        "import sys, movinet.spec, movinet.presets, movinet.cost;"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'yaml', 'ray') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "rounded"), [(1, 8), (8, 8), (11, 16), (12, 16), (18, 24), (36, 40), (46, 48), (59.9, 56), (100, 104)]
)
def test_make_divisible(value, rounded):
    assert make_divisible(value) == rounded


@given(st.floats(1, 5000), st.sampled_from([1, 4, 8, 16]))
def test_make_divisible_stays_within_a_tenth_below(value, divisor):
    rounded = make_divisible(value, divisor)
    assert rounded % divisor == 0
    assert rounded >= max(divisor, 0.9 * value)
    assert rounded <= value + divisor


def test_a_frame_stride_is_for_25_frames_a_second():
    clip = ClipSpec.from_stride(50, 172, 5)
    assert clip == ClipSpec(50, 172, 5.0)
    assert clip.seconds == 10.0


def test_depth_counts_bottlenecks():
    assert [preset(f"a{i}-base").depth for i in range(6)] == [15, 24, 26, 33, 47, 59]


LAYER = ("blocks", 0, "layers", 1)
WRONG = [
    (("stem", "filters"), 0, "spec.stem.filters=0 is not allowed; allowed: an integer >= 1"),
    (("stem", "filters"), 8.0, "spec.stem.filters=8.0 is not allowed; allowed: an integer >= 1"),
    (("stem", "filters"), True, "spec.stem.filters=true is not allowed; allowed: an integer >= 1"),
    (("stem", "stride"), 3, "spec.stem.stride=3 is not allowed; allowed: 1, 2"),
    (("stem", "stride"), True, "spec.stem.stride=true is not allowed; allowed: 1, 2"),
    (("stem", "stride"), 2.0, "spec.stem.stride=2.0 is not allowed; allowed: 1, 2"),
    (("stem",), None, "spec.stem=null is not allowed; allowed: a mapping with filters, kernel, stride"),
    (("stem", "width"), 3, "spec.stem.width is not a setting; allowed: filters, kernel, stride"),
    (
        (*LAYER, "kernel"),
        [3, 3],
        "spec.blocks[0].layers[1].kernel=[3, 3] is not allowed; allowed: (time, height, width), odd, height = width",
    ),
    ((*LAYER, "kernel"), [3, 3, 5], "spec.blocks[0].layers[1].kernel=(3, 3, 5) is not allowed"),
    ((*LAYER, "kernel"), [2, 3, 3], "spec.blocks[0].layers[1].kernel=(2, 3, 3) is not allowed"),
    ((*LAYER, "kernel"), [-1, 3, 3], "spec.blocks[0].layers[1].kernel=(-1, 3, 3) is not allowed"),
    ((*LAYER, "kernel"), [3.0, 3, 3], "spec.blocks[0].layers[1].kernel=[3.0, 3, 3] is not allowed"),
    ((*LAYER, "kernel"), "333", "spec.blocks[0].layers[1].kernel='333' is not allowed"),
    ((*LAYER, "squeeze_excite"), 1, "spec.blocks[0].layers[1].squeeze_excite=1 is not allowed; allowed: true, false"),
    (("blocks",), [], "spec.blocks=() is not allowed; allowed: one block or more"),
    (("blocks",), 3, "spec.blocks=3 is not allowed; allowed: one block or more"),
    (("blocks", 0, "layers"), [], "spec.blocks[0].layers=() is not allowed; allowed: one layer or more"),
    (("blocks", 0, "layers"), [5], "spec.blocks[0].layers[0]=5 is not allowed; allowed: a mapping with expand_filters"),
    (("clip", "resolution"), "172", "spec.clip.resolution='172' is not allowed; allowed: an integer >= 1"),
    (("clip", "frames_per_second"), 0, "spec.clip.frames_per_second=0.0 is not allowed; allowed: a number > 0"),
    (("clip", "frames_per_second"), float("nan"), "spec.clip.frames_per_second=nan is not allowed"),
    (("causal",), 1, "spec.causal=1 is not allowed; allowed: true, false"),
    (("conv_type",), "2d", "spec.conv_type='2d' is not allowed; allowed: 3d, 2plus1d, 3d_2plus1d"),
    (("se_type",), None, "spec.se_type=null is not allowed; allowed: 3d, 2d, 2plus3d, none"),
    (("activation",), "gelu", "spec.activation='gelu' is not allowed; allowed: swish, hard_swish, relu, relu6"),
    (("dropout",), 0.5, "spec.dropout is not a setting; allowed: stem, blocks, head, clip, causal"),
]


@pytest.mark.parametrize(("path", "value", "text"), WRONG, ids=[f"{'.'.join(map(str, p))}={v}" for p, v, _ in WRONG])
def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(path, value, text, tmp_path):
    data = TINY.to_dict()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(SpecError) as error:
        spec_from_dict(data)
    assert str(error.value).startswith(text)
    file = tmp_path / "spec.yaml"
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(SpecError) as error:
        read_spec(file)
    assert str(error.value).startswith(f"{file}: {text}")
    assert "\n" not in str(error.value)


def test_a_missing_field_is_named():
    data = TINY.to_dict()
    del data["blocks"][0]["layers"][1]["expand_filters"]
    with pytest.raises(
        SpecError, match=r"^spec\.blocks\[0\]\.layers\[1\]\.expand_filters is missing; allowed: an integer >= 1$"
    ):
        spec_from_dict(data)


def test_unreadable_yaml_names_the_file(tmp_path):
    file = tmp_path / "spec.yaml"
    with pytest.raises(SpecError, match=r"spec\.yaml: cannot be read \(No such file or directory\)"):
        read_spec(file)
    for content in (b"stem: [", b"\xff\xfe\x00"):
        file.write_bytes(content)
        with pytest.raises(SpecError, match=r"spec\.yaml(:1: not YAML|: byte 0 is not UTF-8)"):
            read_spec(str(file))
    text = spec_to_yaml(TINY)
    file.write_text(text + "causal: true\n")
    with pytest.raises(SpecError, match=r"spec\.yaml:\d+: not YAML \(key causal stands twice\)"):
        read_spec(file)
    with pytest.raises(SpecError, match=r"^spec:\d+: not YAML \(key causal stands twice\)"):
        spec_from_yaml(text + "causal: true\n")
    file.write_text("- a list\n")
    with pytest.raises(SpecError, match=r"spec\.yaml: spec=\['a list'\] is not allowed; allowed: a mapping with stem"):
        read_spec(file)
