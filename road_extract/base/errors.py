"""Every error that this package raises on purpose.

    RoadExtractError
    ├── InputError (ValueError)      an input cannot be used: a file, an option, a model folder
    ├── OutputError (OSError)        the result cannot be written
    └── BackendError (RuntimeError)  the model cannot run, or gave wrong results

A message is one sentence: what was found, what was expected, and what to do. The command line turns each of these
errors into exit code 1.
"""

from __future__ import annotations

from road_extract.base.urls import redact


class RoadExtractError(Exception):
    """Root of the tree above. Passwords and signatures are removed from messages."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


class InputError(RoadExtractError, ValueError):
    """An input cannot be used."""


class OutputError(RoadExtractError, OSError):
    """The result cannot be written."""


class BackendError(RoadExtractError, RuntimeError):
    """The model cannot run, or its results are not probabilities."""
