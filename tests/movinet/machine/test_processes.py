"""Work over several processes: in order, and a process that dies costs one item."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from movinet.machine.processes import in_processes
from tests.support.paths import ROOT


def square(x: int) -> int:
    return x * x


def die_at_seven(x: int) -> int:
    if x == 7:
        os._exit(1)
    return x


def heavy_modules(_: int) -> list[str]:
    return [name for name in ("tensorflow", "keras", "ray") if name in sys.modules]


def test_results_come_in_order():
    assert list(in_processes(square, range(40), workers=2)) == [x * x for x in range(40)]
    assert list(in_processes(square, [3])) == [9]


def test_a_process_that_dies_costs_its_item_only():
    done = list(in_processes(die_at_seven, range(40), workers=2, crashed=lambda x: -x))
    assert done == [-7 if x == 7 else x for x in range(40)]


def test_workers_load_no_heavy_library():
    assert set(map(tuple, in_processes(heavy_modules, range(32), workers=2))) == {()}


ENDLESS = """
import sys, time
from movinet.machine.processes import in_processes
from tests.movinet.machine.test_processes import note_and_wait
if __name__ == "__main__":
    list(in_processes(note_and_wait, [sys.argv[1]] * 40, workers=2))
"""


def note_and_wait(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def is_alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_a_killed_parent_leaves_no_orphans(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    root = ROOT
    noted = tmp_path / "workers"
    noted.mkdir()
    parent = subprocess.Popen(
        [sys.executable, str(script), str(noted)], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    deadline = time.monotonic() + 30
    while len(list(noted.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    children = [int(file.name) for file in noted.iterdir()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while any(map(is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(children) == 2
    assert not any(map(is_alive, children))
