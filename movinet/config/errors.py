"""How a command ends: the one rule of both front doors for what is bad input and what is a fault.

Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

# Why an OSError is nothing that the user gave, whatever file it names.
MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.ENFILE),
    *(errno.EIO, errno.EPIPE, errno.ECONNABORTED),
)
LONGEST = 400  # letters of a fault's text that are shown; its log holds all of them


class InputError(ValueError):
    """What the user gave is not allowed; one line says what is.

    The base of every error that is meant for users. A plain ValueError is a fault: a library's, or of code that was
    called wrongly.
    """


def exit_code(error: BaseException) -> int:
    """What a command that ends by this error returns.

    0: nobody reads its output any more (BrokenPipeError).  2: bad input, an InputError or an OSError about a file.
    130: interrupted.  1: anything else.
    """
    if isinstance(error, KeyboardInterrupt):
        return 130
    if any(isinstance(each, BrokenPipeError) for each in _with_causes(error)) and _reader_has_gone():
        return 0
    return 2 if isinstance(error, InputError) or _is_about_a_file(error) else 1


def answer(error: BaseException, log: Path | None = None, how_to_go_on: str = "") -> int:
    """Says on standard error, in one line, why a command ends; returns its `exit_code`.

    The traceback of a fault goes to `log`, whose folder is made, or to a file in the system's folder for temporary
    ones; the line names it. how_to_go_on: what follows "interrupted".
    """
    code = exit_code(error)
    if code:
        _say(error, code, log, how_to_go_on)
    _drop_unwritable_output()
    return code


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it came of: a framework may have wrapped what one of our callbacks raised."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _say(error: BaseException, code: int, log: Path | None, how_to_go_on: str) -> None:
    if code == 130:
        line = f"interrupted{how_to_go_on}"
    elif isinstance(error, OSError) and (code == 2 or error.errno in MACHINE):
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        line = f"{'error' if code == 2 else 'failed'}: {place}{error.strerror}"
    elif code == 2:
        line = f"error: {error}"
    else:
        text = " ".join(str(error).split())
        text = text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
        line = f"failed: {': '.join(filter(None, (type(error).__name__, text)))}{_write_log(error, log)}"
    with contextlib.suppress(BrokenPipeError):
        print(" ".join(line.split()), file=sys.stderr, flush=True)


def _is_about_a_file(error: BaseException) -> bool:
    return (
        isinstance(error, OSError)
        and isinstance(error.filename, (str, bytes, os.PathLike))
        and error.errno not in MACHINE
    )


def _write_log(error: BaseException, log: Path | None) -> str:
    """Adds the traceback to the log, or to one of its own where that cannot be; returns where it is, for the line."""
    now, details = time.localtime(), "".join(traceback.format_exception(error))
    text = f"{time.strftime('%Y-%m-%d %H:%M:%S', now)}\n{details}"
    if log is not None:
        with contextlib.suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            return f" (details in {log})"
    with (
        contextlib.suppress(OSError),
        tempfile.NamedTemporaryFile(
            "w",
            prefix=f"movinet-{time.strftime('%Y%m%d-%H%M%S', now)}-",
            suffix=".log",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file,
    ):
        file.write(text)
        return f" (details in {file.name})"
    print(details, end="", file=sys.stderr)
    return ""


def _reader_has_gone() -> bool:
    """Whether the pipe that broke is our own output's (`| head`) rather than one to another process."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            return True
        except (OSError, ValueError):  # full, or closed
            continue
        with contextlib.suppress(OSError, ValueError, AttributeError):  # no file below it; a system without poll
            poll = select.poll()
            poll.register(stream.fileno(), 0)
            if poll.poll(0):
                return True
    return False


def _drop_unwritable_output() -> None:
    """Python writes what is left when it exits, and would complain in its own words."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
