"""The final message of `extract` and `vectorize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from road_extract.cli.console import Console

if TYPE_CHECKING:
    from road_extract.pipeline.outputs import Extraction


def show_extraction(console: Console, done: Extraction, geometry: str) -> None:
    """Show what was written: one line per geometry type, or JSON."""
    lines = []
    if geometry != "lines":
        lines.append(f"{done.polygons:,} road polygons in {done.path}")
    if geometry != "polygons":
        lines.append(f"{done.lines:,} road lines in {done.lines_path}")
    console.result(
        "\n".join(lines), path=str(done.path), features=done.features, polygons=done.polygons, lines=done.lines,
        lines_path=str(done.lines_path),
    )  # fmt: skip
