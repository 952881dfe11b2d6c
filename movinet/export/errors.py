"""What cannot be exported, and why."""

from __future__ import annotations

from movinet.config.errors import InputError


class ExportError(InputError):
    """A network cannot be exported as asked; the text says why."""


class RequestError(ExportError):
    """What was asked is not allowed, whichever the network."""
