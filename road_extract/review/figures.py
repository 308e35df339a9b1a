"""The figures of a result: lengths, numbers, and the distribution of probability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

from road_extract.base.geodesy import area_m2, lengths_m
from road_extract.review.pieces import PieceLayer

BINS = 20


def figures_of(layers: Sequence[PieceLayer]) -> list[tuple[str, str]]:
    """Names and values to show.

    Args:
        layers: All layers of a result.
    """
    lines, areas = _of_kind(layers, "line"), _of_kind(layers, "area")
    found: list[tuple[str, str]] = []
    if lines:
        found += _line_figures(lines)
    if areas:
        total = sum(area for layer in areas for area in _areas_m2(layer))
        found += [("Road polygons", f"{_count(areas):,}"), ("Road surface", f"{total / 1e6:,.3f} km²")]
    return found or [("Roads", "0")]


def histogram_of(layers: Sequence[PieceLayer]) -> dict[str, Any] | None:
    """The kilometres of lines, or the number of polygons, by probability, in `BINS` equal classes; None if unknown."""
    lines = _of_kind(layers, "line")
    bins = np.zeros(BINS)
    for layer in lines or _of_kind(layers, "area"):
        known = [row.get("probability") for row in layer.rows]
        weights = _lengths_m(layer) / 1000 if lines else np.ones(len(known))
        for probability, weight in zip(known, weights, strict=True):
            if isinstance(probability, int | float) and 0 <= probability <= 1:
                bins[min(BINS - 1, int(probability * BINS))] += weight
    if not bins.any():
        return None
    what, unit = ("Length of lines", "km") if lines else ("Number of polygons", "polygons")
    return {"title": f"{what} by probability", "unit": unit, "bins": [round(float(value), 3) for value in bins]}


def _line_figures(lines: Sequence[PieceLayer]) -> list[tuple[str, str]]:
    if any("status" in layer.fields for layer in lines):
        statuses = sorted({str(row.get("status")) for layer in lines for row in layer.rows if row.get("status")})
        return [_lengths(f"{status.capitalize()} roads", lines, status=status) for status in _in_order(statuses)]
    found = [_lengths("Road lines", lines)]
    if any("bridged" in layer.fields for layer in lines):
        found.append(_lengths("Gaps bridged", lines, bridged=True))
    for name, title in (("component", "Separate networks"), ("dead_end", "Dead ends")):
        values = [row[name] for layer in lines for row in layer.rows if row.get(name)]
        if any(name in layer.fields for layer in lines):
            found.append((title, f"{len(set(values)) if name == 'component' else len(values):,}"))
    return found


def _in_order(statuses: list[str]) -> list[str]:
    known = ["new", "doubtful", "matched", "missing"]
    return sorted(statuses, key=lambda status: (known.index(status) if status in known else len(known), status))


def _lengths(title: str, layers: Sequence[PieceLayer], **wanted: Any) -> tuple[str, str]:
    def fits(row: dict[str, Any]) -> bool:
        return all(row.get(name) == value for name, value in wanted.items())

    total, count = _sum(layers, fits)
    return title, f"{total / 1000:,.1f} km ({count:,})"


def _sum(layers: Sequence[PieceLayer], fits: Callable[[dict[str, Any]], bool]) -> tuple[float, int]:
    found = [length for layer in layers for row, length in zip(layer.rows, _lengths_m(layer), strict=True) if fits(row)]
    return float(sum(found)), len(found)


def _lengths_m(layer: PieceLayer) -> Any:
    if all(isinstance(row.get("length_m"), float) for row in layer.rows):
        return np.array([row["length_m"] for row in layer.rows], np.float64)
    parts, source = shapely.get_parts(layer.geometries, return_index=True)
    return np.bincount(source, lengths_m(parts, layer.crs), minlength=len(layer.rows))


def _areas_m2(layer: PieceLayer) -> list[float]:
    if all(isinstance(row.get("area_m2"), float) for row in layer.rows):
        return [float(row["area_m2"]) for row in layer.rows]
    return [sum(area_m2(part, layer.crs) for part in shapely.get_parts(shape)) for shape in layer.geometries]


def _of_kind(layers: Sequence[PieceLayer], kind: str) -> list[PieceLayer]:
    return [layer for layer in layers if layer.kind == kind]


def _count(layers: Sequence[PieceLayer]) -> int:
    return sum(len(layer.ids) for layer in layers)
