"""What is wrong on a command line is bad input as any other: one line, and one rule of what a number is.

Standard library only.
"""

from __future__ import annotations

import argparse
import math
import re
from typing import Any, NoReturn

from movinet.config.errors import InputError

MOST = 2**31 - 1  # of an integer; what is counted here is clips, pixels, seconds


class Parser(argparse.ArgumentParser):
    """Raises InputError where argparse prints its usage and exits; its numbers are finite. So are its verbs' parsers.

    An option of `type=int` or `type=float` takes no nan and no infinite number.
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.register("type", int, _integer)
        self.register("type", float, _number)

    def error(self, message: str) -> NoReturn:
        refused = re.fullmatch(r"argument (\S+?)(?:/\S+)?: (.* is not allowed; allowed: .*)", message)
        raise InputError(f"{refused[1]} {refused[2]}" if refused else f"{message} (`{self.prog} --help` says more)")


def _integer(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = MOST + 1
    if abs(value) > MOST:
        raise argparse.ArgumentTypeError(f"{text} is not allowed; allowed: an integer")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not allowed; allowed: a number")
    return value
