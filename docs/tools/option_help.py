"""Lets the API reference show each option with its own help, unit, range and default, as the command line does."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import Any

import griffe


class OptionHelp(griffe.Extension):
    """Give the fields that `option` declares the docstring and the default that are in their metadata."""

    def on_class(self, *, cls: griffe.Class, **kwargs: Any) -> None:
        """Describe the options of one class."""
        declared = [a for a in cls.attributes.values() if str(a.value).startswith("option(")]
        if not declared:
            return
        found = {f.name: f for f in fields(getattr(import_module(cls.module.path), cls.name))}
        init = cls.functions["__init__"]  # as the extension for dataclasses has made it
        for attribute in declared:
            field = found[attribute.name]
            attribute.value = repr(field.default)
            init.parameters[attribute.name].default = repr(field.default)
            attribute.docstring = griffe.Docstring(_sentence(dict(field.metadata)), parent=attribute)


def _sentence(metadata: dict[str, Any]) -> str:
    low, high, unit = metadata["low"], metadata["high"], metadata["unit"]
    limits = {
        (True, True): f"{low} to {high}",
        (True, False): f"at least {low}",
        (False, True): f"at most {high}",
        (False, False): "",
    }[low is not None, high is not None]
    choices = ", ".join(f"`{choice}`" for choice in metadata["choices"])
    notes = [note for note in (f"in {unit}" if unit else "", limits, f"one of {choices}" if choices else "") if note]
    shown = f" ({'; '.join(notes)})" if notes else ""
    return f"{metadata['help']!s}{shown}."
