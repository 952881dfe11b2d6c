from dataclasses import replace

import pytest

from movinet.cost import network_cost
from movinet.presets import preset
from movinet.spec import ClipSpec
from search.family import NoBestTrial, best_trial, family_of
from search.objectives.objective import Reward
from search.settings import DataSettings, SearchSettings, Settings
from space.yaml_file import read_yaml
from tests.results.test_plots import trial

RUN = [
    trial(0, 4.0, 0.75),
    trial(1, 2.0, 0.75),
    trial(2, 1.0, 0.625),
    trial(3, 8.0, None, status="failed", reason="nan"),
]


def test_of_the_most_accurate_the_cheapest_is_scaled():
    assert best_trial(RUN, SearchSettings()).trial == 1


def test_with_a_reward_the_one_nearest_to_its_target_is_scaled():
    assert best_trial(RUN, SearchSettings(reward=Reward(target=1e6, beta=-0.5))).trial == 2
    assert best_trial(RUN, SearchSettings(reward=Reward(target=4e6, beta=-0.5))).trial == 0


def test_a_reward_is_of_the_cost_that_is_searched_by():
    by_buffers = SearchSettings(objectives=("accuracy", "buffer_bytes"), reward=Reward(target=1024.0, beta=-0.5))
    buffered = [
        replace(each, objectives={"buffer_bytes": kib * 1024}) for each, kib in zip(RUN, (1, 8, 4, 2), strict=True)
    ]
    assert best_trial(buffered, by_buffers).trial == 0


def test_without_any_accuracy_the_reasons_are_told():
    with pytest.raises(NoBestTrial, match=r"no trial has an accuracy \(nan\)"):
        best_trial(RUN[3:], SearchSettings())
    with pytest.raises(NoBestTrial, match="none was tried"):
        best_trial([], SearchSettings())


def test_a_family_doubles_around_the_best_and_asks_for_no_more_than_the_videos_have():
    settings = Settings(**read_yaml("configs/spaces/moving_shapes.yaml"))
    a0 = preset("a0-base")
    spec = replace(a0, blocks=a0.blocks[:3], clip=ClipSpec(frames=16, resolution=40, frames_per_second=8.0))
    best = trial(0, 4.0, 0.75, spec=spec.to_dict())
    family = family_of(best, settings, num_classes=12)
    assert list(family) == ["A0", "A1", "A2", "A3", "A4", "A5"]
    assert family["A2"] == spec
    flops = [network_cost(member, num_classes=12).flops for member in family.values()]
    assert flops == [pytest.approx(flops[2] * 2.0 ** (index - 2), rel=0.1) for index in range(6)]
    assert all(member.clip.resolution <= 64 and member.clip.frames_per_second <= 12 for member in family.values())
    low = replace(settings, data=DataSettings(path="clips", resolution=44))
    assert family_of(best, low, num_classes=12)["A5"].clip.resolution == 44
