"""What all tests share."""

from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # a busy machine is no error, and no test asserts a time
settings.load_profile("no_deadline")
