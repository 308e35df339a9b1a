"""Texts in the user's language."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication


def tr(text: str) -> str:
    """A text in QGIS's language, if there is a translation."""
    return str(QCoreApplication.translate("RoadExtract", text))


def tr_key(key: str, english: str) -> str:
    """The translation of a key; the English text if there is none."""
    found = tr(key)
    return english if found == key else found
