"""What all tests share."""

import signal

from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # a busy machine is no error, and no test asserts a time
settings.load_profile("no_deadline")

# A shell that runs the tests in the background makes them, and every program they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
