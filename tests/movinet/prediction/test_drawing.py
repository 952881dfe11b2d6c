"""The video with its classes drawn over it, and the plot of their probabilities."""

import contextlib

import av
import numpy as np
import pytest
from PIL import Image

from movinet.__main__ import main
from movinet.data.video.file import VideoFile
from movinet.data.video.frames import Converter, shown_frames
from movinet.prediction.curves import Curves
from movinet.prediction.overlay import LEAST_SIDE, Overlay, panel
from tests.support.clip_files import numbered_frames, write_video
from tests.support.predict_members import CAUSAL, SPEC, write_member

UNEVEN = [0.0, 0.1, 0.5, 0.55, 0.9, 1.4, 1.5, 1.6]
CLASSES = [("falls", 0.7), ("rises", 0.2)]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "a.mkv", numbered_frames(8, 360, 480), UNEVEN)


def decoded(path):
    with VideoFile(path) as file:
        convert = Converter(None)
        return [(shown.time, convert(shown)) for shown in shown_frames(file)]


def drawn(video, path, stop=None):
    with VideoFile(video) as file, Overlay(path) as overlay:
        for number, shown in enumerate(shown_frames(file)):
            if number == 4 and stop:
                raise stop
            overlay.add(shown, CLASSES if number == 3 else None)
    return decoded(path)


def test_the_overlay_shows_the_videos_frames_at_their_times_and_the_classes_from_the_answer_on(video, tmp_path):
    source, found = decoded(video), drawn(video, tmp_path / "out.mp4")
    assert [time for time, _ in found] == pytest.approx(UNEVEN, abs=1e-3)
    glass = np.asarray(panel(CLASSES, 480, 360))[..., 3] > 0
    top = 360 - glass.shape[0]
    for number, ((_, before), (_, after)) in enumerate(zip(source, found, strict=True)):
        change = np.abs(after.astype(int) - before)
        assert change[: top - 4].mean() < 3
        under = change[top:, : glass.shape[1]][glass].mean()
        assert (under > 10) == (number >= 3)


def test_small_videos_are_enlarged_so_that_names_can_be_read(tmp_path):
    small = write_video(tmp_path / "small.mp4", numbered_frames(6, 48, 64))
    (_, frame), *_ = drawn(small, tmp_path / "out.mp4")
    assert frame.shape == (LEAST_SIDE, 480, 3)


def test_an_interrupted_overlay_is_whole_and_a_failed_one_is_not_there(video, tmp_path):
    for stop in (KeyboardInterrupt(), BrokenPipeError()):  # as of `predict ... | head`
        with pytest.raises(type(stop)):
            drawn(video, tmp_path / "interrupted.mp4", stop=stop)
        assert len(decoded(tmp_path / "interrupted.mp4")) == 4
    with pytest.raises(RuntimeError):
        drawn(video, tmp_path / "failed.mp4", stop=RuntimeError())
    assert [path.name for path in tmp_path.iterdir()] == ["interrupted.mp4"]


def test_a_plot_is_kept_or_not_as_an_overlay_is(video, tmp_path):
    with VideoFile(video) as file:
        shown = next(shown_frames(file))
    for name, stop in {"whole": None, "interrupted": KeyboardInterrupt(), "failed": RuntimeError()}.items():
        with (
            contextlib.suppress(KeyboardInterrupt, RuntimeError),
            Curves(tmp_path / f"{name}.png", "ab", 2, "") as plot,
        ):
            plot.add(0.0, np.array([0.25, 0.75]), shown)
            if stop:
                raise stop
    assert sorted(path.name for path in tmp_path.iterdir()) == ["interrupted.png", "whole.png"]


@pytest.mark.parametrize(
    "drawing", ["--overlay=a.mp4", "--overlay=folder.mp4", "--overlay=file/a.mp4", "--plot=file/a.png"]
)
def test_a_file_that_cannot_be_drawn_is_refused_first(drawing, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = write_video(tmp_path / "a.mp4", numbered_frames(4)).read_bytes()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    assert main(["predict", "a.mp4", "--model", "none", drawing]) == 2
    (error,) = capsys.readouterr().err.splitlines()  # nothing of the model, which is not there either
    reasons = {"a": "is the video that is read", "folder": "is a folder", "file/a": "cannot be written"}
    assert error.startswith(f"error: {(path := drawing.partition('=')[2])}: {reasons[path[:-4]]}")
    assert (tmp_path / "a.mp4").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "file", "folder.mp4"]


def test_a_panel_has_a_bar_as_long_as_the_probability():
    def blue(probability):
        pixels = np.asarray(panel([("falls", probability)], 640, 480)).astype(int)
        return ((pixels[..., 2] - pixels[..., 0] > 80) & (pixels[..., 3] == 255)).any(0).sum()

    whole = blue(1.0)
    assert whole > 100
    for share in (0.0, 0.25, 0.5, 0.9):
        assert blue(share) == pytest.approx(share * whole, abs=2)


def test_long_names_and_small_pictures_fit():
    picture = panel([("a name that no small picture has room for " * 3, 0.5)] * 3, 360, 360)
    assert picture.width <= 360
    assert panel([], 360, 360).getbbox() is None
    many = [(f"class {number}", 1 - number / 50) for number in range(50)]
    picture = panel(many, 360, 360)
    assert picture.height <= 360
    rows = (picture.height - picture.height % 22) // 22
    np.testing.assert_array_equal(picture, panel(many[:rows], 360, 360))  # the likeliest are those shown


def test_names_are_drawn_in_their_letters():
    pictures = [np.asarray(panel([(name, 0.5)], 640, 480)) for name in ("ж", "ü", "\uffff")]
    assert not any(np.array_equal(picture, pictures[-1]) for picture in pictures[:-1])


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_dollars_and_letters_that_the_font_has_not_can_be_plotted(video, tmp_path, suffix):
    with VideoFile(video) as file, Curves(tmp_path / f"a{suffix}", ["from $5 to $^6", "_走"], 2, "$^ $") as plot:
        plot.add(0.0, np.array([0.25, 0.75]), next(shown_frames(file)))
    assert (tmp_path / f"a{suffix}").exists()


def test_curves_keep_every_second_point_when_there_are_too_many(video, tmp_path):
    with VideoFile(video) as file:
        shown = next(shown_frames(file))
    curves = Curves(tmp_path / "a.png", "ab", 2, "")
    for number in range(9000):
        curves.add(float(number), np.array([number / 9000, 1 - number / 9000]), shown)
    assert [point.seconds for point in curves.points] == list(range(0, 9000, 8))


@pytest.mark.parametrize("spec", [CAUSAL, SPEC], ids=["stream", "clips"])
def test_the_command_draws(spec, tmp_path, capsys):
    member = write_member(tmp_path / "member", spec)
    video = write_video(tmp_path / "a.mp4", numbered_frames(16), 8.0)
    arguments = ["predict", str(video), "--model", str(member), *(["--stream"] if spec.causal else [])]
    overlay, png, gif = (tmp_path / "out" / name for name in ("a.mp4", "a.png", "a.gif"))
    assert main([*arguments, "--overlay", str(overlay), "--plot", str(png)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (2 if spec.causal else 3)  # 6 frames: after 3 and 6; or the middle clip's classes
    with av.open(str(overlay)) as file:
        assert sum(1 for _ in file.decode(video=0)) == 16
    with Image.open(png) as picture:
        assert picture.width > 1000
        colours = {tuple(pixel) for pixel in np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()}
        assert {(0, 114, 178), (213, 94, 0)} <= colours  # curves of two classes
    assert main([*arguments, "--plot", str(gif)]) == 0
    with Image.open(gif) as picture:
        assert picture.n_frames == 6
        assert picture.info["duration"] == 200
    assert sorted(path.name for path in overlay.parent.iterdir()) == ["a.gif", "a.mp4", "a.png"]


def test_a_folder_cannot_be_drawn(tmp_path, capsys):
    write_video(tmp_path / "a.mp4", numbered_frames(4))
    assert main(["predict", str(tmp_path), "--model", "m", "--plot", "a.png"]) == 2
    assert "is a folder; allowed with --overlay and --plot: one video" in capsys.readouterr().err
