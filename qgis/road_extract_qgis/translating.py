"""Texts in the user's language."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication


def tr(text: str) -> str:
    """A text in QGIS's language, if there is a translation."""
    return str(QCoreApplication.translate("RoadExtract", text))
