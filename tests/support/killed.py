"""What a process that was killed while it wrote leaves behind."""

import subprocess
from pathlib import Path

from movinet.machine import files


def left_by_a_killed_process(folder: Path, name: str) -> Path:
    """A torn file `name` (which may lie in a folder) in the draft of a process that is no more."""
    with subprocess.Popen(["true"]) as gone:
        pass
    torn = folder / f"{files.DRAFT}{files._host()}-{gone.pid}-x" / name
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"torn")
    return torn
