"""Files and folders that are there whole or not at all."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from movinet.machine.files import DRAFT, drafts, is_empty, put_all, whole, write_whole
from movinet.machine.json_lines import append_line, whole_lines
from tests.support.killed import left_by_a_killed_process
from tests.support.paths import ROOT

LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"  # as a disk that is full


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", ["größer", b"\x00\xff"], ids=["text", "bytes"])
def test_a_file_is_written_and_replaced(tmp_path, content):
    path = tmp_path / "new" / "x.txt"
    for each in ("old", content):
        write_whole(path, each)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert listing(path.parent) == ["x.txt"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    os.umask(mask := os.umask(0))
    return mask


def test_a_folder_takes_the_place_of_another(tmp_path):
    for number in range(2):
        with whole(tmp_path / "folder") as draft:
            write_whole(draft / "deep" / f"{number}.txt", "x")
    assert [path.name for path in (tmp_path / "folder").rglob("*.txt")] == ["1.txt"]
    assert listing(tmp_path) == ["folder"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_old_file_stays(tmp_path, error):
    write_whole(tmp_path / "x", "old")
    with pytest.raises(error), whole(tmp_path / "x") as draft:
        draft.write_text("torn")
        raise error
    assert (tmp_path / "x").read_text() == "old"
    assert listing(tmp_path) == ["x"]


def test_what_is_not_written_changes_nothing(tmp_path):
    write_whole(tmp_path / "x", "old")
    with whole(tmp_path / "x"):
        pass
    assert (tmp_path / "x").read_text() == "old"


@pytest.mark.parametrize("what", ["draft.write_text('torn')", "draft.mkdir(); (draft / 'a').write_text('torn')"])
def test_killed_midway_leaves_the_old_and_the_next_write_leaves_no_more(tmp_path, what):
    write_whole(tmp_path / "x", "old")
    killed = run(
        "import os, signal; from movinet.machine.files import whole\n"
        f"with whole({str(tmp_path / 'x')!r}) as draft: {what}; os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "x").read_text() == "old"
    assert len(listing(tmp_path)) == 2
    write_whole(tmp_path / "y", "beside it")
    assert listing(tmp_path) == ["x", "y"]


def test_a_folder_that_was_just_making_way_is_put_back(tmp_path):
    left_by_a_killed_process(tmp_path, ".old/folder/weights")
    assert not is_empty(tmp_path)
    assert listing(tmp_path) == ["folder"]
    assert (tmp_path / "folder" / "weights").read_bytes() == b"torn"


def test_drafts_alone_make_no_folder_full(tmp_path):
    left_by_a_killed_process(tmp_path, "x")
    assert is_empty(tmp_path)
    assert is_empty(tmp_path / "none")


def test_a_living_process_keeps_its_draft(tmp_path):
    with whole(tmp_path / "x") as draft:
        draft.write_text("new")
        write_whole(tmp_path / "y", "beside it")
        assert not run(
            f"from movinet.machine.files import write_whole; write_whole({str(tmp_path / 'z')!r}, 'z')"
        ).stderr
    assert (tmp_path / "x").read_text() == "new"


def test_threads_write_the_same_file(tmp_path):
    each = [threading.Thread(target=write_whole, args=(tmp_path / "x", str(number) * 10_000)) for number in range(8)]
    for thread in each:
        thread.start()
    for thread in each:
        thread.join()
    assert len(set((tmp_path / "x").read_text())) == 1
    assert listing(tmp_path) == ["x"]


def test_several_files_get_their_places_in_order(tmp_path):
    with drafts(tmp_path) as folder:
        for name in ("a.tflite", "b.json"):
            (folder / name).write_text(name)
        put_all(folder, last=".tflite")
    assert listing(tmp_path) == ["a.tflite", "b.json"]


def test_a_link_stays_and_a_device_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()))
    found: list[str] = []
    reader.start()
    write_whole(tmp_path / "pipe", "through")
    reader.join()
    assert found == ["through"]


@pytest.mark.parametrize(
    "path", ["/dev/full", "folder", "file/x", pytest.param("a" * 300, id="too long"), "locked/x", "/proc/x"]
)
def test_an_error_is_about_the_file_that_was_asked_for(tmp_path, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder/x").touch()
    Path("file").touch()
    Path("locked").mkdir(0o500)
    if path == "locked/x" and os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    with pytest.raises(OSError, match=re.escape(os.path.dirname(path) or path)) as caught:
        write_whole(path, "x")
    assert caught.value.filename in (path, os.path.dirname(path))
    assert not list(tmp_path.glob(f"**/{DRAFT}*"))


def test_a_full_disk_leaves_the_old_file(tmp_path):
    write_whole(tmp_path / "x", "old")
    done = run(
        f"{LIMIT}from movinet.machine.files import write_whole; write_whole({str(tmp_path / 'x')!r}, 'x' * 2000)"
    )
    assert done.stderr.splitlines()[-1] == f"OSError: [Errno 27] File too large: '{tmp_path / 'x'}'"
    assert (tmp_path / "x").read_text() == "old"
    assert listing(tmp_path) == ["x"]


def test_a_line_for_which_there_is_no_room_leaves_those_before(tmp_path):
    path = tmp_path / "x.jsonl"
    append_line(path, '{"a": 1}')
    done = run(
        f"{LIMIT}from pathlib import Path; from movinet.machine.json_lines import append_line\n"
        f"append_line(Path({str(path)!r}), '\"' + 'x' * 2000 + '\"')"
    )
    assert done.stderr.splitlines()[-1].endswith(f"'{path}'")
    append_line(path, '{"b": 2}')
    assert whole_lines(path) == [b'{"a": 1}', b'{"b": 2}']


def test_a_torn_last_line_goes_with_the_next(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b": ')
    assert whole_lines(path) == [b'{"a": 1}']
    append_line(path, '{"c": 3}')
    assert path.read_bytes() == b'{"a": 1}\n{"c": 3}\n'
