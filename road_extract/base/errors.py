"""Every error that this package raises on purpose.

    RoadExtractError
    ├── InputError (ValueError)      what was given cannot be used: file, option, model folder
    ├── OutputError (OSError)        the result cannot be written
    └── BackendError (RuntimeError)  the model cannot run, or ran wrong

A message is one sentence: what was found, what was expected, what to do. The command line turns any of them into
exit code 1.
"""

from __future__ import annotations

from road_extract.base.urls import redact


class RoadExtractError(Exception):
    """Root of the tree above. Passwords and signatures in a message are left out."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


class InputError(RoadExtractError, ValueError):
    """What was given cannot be used."""


class OutputError(RoadExtractError, OSError):
    """The result cannot be written."""


class BackendError(RoadExtractError, RuntimeError):
    """The model cannot run, or gave something that is no probability."""
