"""Draw icon.png, which the plugin list shows, from icon.svg: ``QT_QPA_PLATFORM=offscreen python3 qgis/draw_icon.py``.

It runs with the Python that QGIS uses.
"""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QGuiApplication, QImage, QPainter
from qgis.PyQt.QtSvg import QSvgRenderer

ICON = Path(__file__).parent / "road_extract_qgis" / "icon.svg"


def draw(svg: Path, png: Path, size_px: int = 64) -> None:
    """Draw a square SVG as a PNG."""
    image = QImage(size_px, size_px, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(svg)).render(painter)
    painter.end()
    image.save(str(png))


if __name__ == "__main__":
    application = QGuiApplication([])
    draw(ICON, ICON.with_suffix(".png"))
