"""What all tests share."""

import signal

import pytest
from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # a busy machine is no error, and no test asserts a time
settings.load_profile("no_deadline")

# A shell that runs the tests in the background makes them, and every program they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes share a run of all tests, file by file; tests that are named run in this one."""
    return 2 if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0
