"""Applies the decisions saved from a review page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely

from road_extract.base.errors import InputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.base.files import check_outputs, replacing
from road_extract.base.options import ReviewOptions
from road_extract.base.version import __version__
from road_extract.io.styles import LAYERS, add_styles, style_paths, write_style_files
from road_extract.io.vector import add_layer, check_format, unique_names, write_features
from road_extract.review.pieces import PieceLayer, read_pieces

PathLike = str | Path

FORMAT = "road-extract decisions"
VERSION = 1
#: Attributes of every reviewed road.
FIELDS = {"review": str, "review_note": str}

_KINDS: dict[str, Literal["LineString", "Polygon"]] = {"line": "LineString", "area": "Polygon"}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer said about a piece.

    Attributes:
        verdict: ``accepted``, ``rejected``, or None.
        note: May be empty.
    """

    verdict: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """A decisions file.

    Attributes:
        layers: Fingerprint of each layer that the page showed, by name.
        by_piece: Decision by name of the layer and id of the piece.
    """

    layers: dict[str, str]
    by_piece: dict[tuple[str, int], Decision]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was written.

    Attributes:
        path: The output.
        kept: Number of roads in it.
        accepted: Number of accepted roads.
        rejected: Number of rejected roads.
        undecided: Number of roads without a decision.
    """

    path: Path
    kept: int
    accepted: int
    rejected: int
    undecided: int

    def to_text(self) -> str:
        """A summary in one line."""
        return (
            f"{self.accepted:,} accepted, {self.rejected:,} rejected, {self.undecided:,} undecided; "
            f"{self.kept:,} roads in {self.path}"
        )


def review_roads(
    roads: PathLike,
    decisions: PathLike,
    out: PathLike,
    *,
    options: ReviewOptions | None = None,
    style: bool = False,
    overwrite: bool = False,
) -> Reviewed:
    """Apply decisions to the roads about which they were made.

    Every road gets the attributes ``review`` (``accepted``, ``rejected``, or no value) and ``review_note``.

    Args:
        roads: The file that the review page showed, unchanged.
        decisions: The file that the page saved.
        out: ``.geojson``, ``.gpkg``, ``.fgb`` or ``.parquet``, in the CRS of ``roads``.
        options: Which roads to keep.
        style: Add styles for QGIS and other programs.
        overwrite: Replace an existing output.

    Raises:
        RoadExtractError: If a file cannot be read or written, or the decisions are about another result.
    """
    roads, decisions, out = Path(roads), Path(decisions), Path(out)
    options = options or ReviewOptions()
    check_format(out)
    check_outputs([out, *(style_paths(out) if style else [])], [roads, decisions], overwrite)
    found = read_decisions(decisions)
    layers = read_pieces([roads], options.assume_crs)
    _check_layers(layers, found, roads, decisions)
    if len(layers) > 1 and out.suffix.lower() != ".gpkg":
        raise InputError(
            f"{out}: {roads} has {len(layers)} layers, which only .gpkg can contain; choose a name that ends in .gpkg"
        )
    said = [[found.by_piece.get((layer.name, number), Decision()) for number in layer.ids] for layer in layers]
    kept = [layer.part(_wanted(own, options.keep)) for layer, own in zip(layers, said, strict=True)]
    _write(out, kept, found, style=style)
    verdicts = [decision.verdict for own in said for decision in own]
    counts = [verdicts.count(verdict) for verdict in ("accepted", "rejected", None)]
    return Reviewed(out, sum(len(layer.ids) for layer in kept), *counts)


def read_decisions(path: Path) -> Decisions:
    """Read a decisions file.

    Raises:
        InputError: If it is not one.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({error}); expected the file that a review page saves") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path}: is not a decisions file; expected the file that a review page saves")
    if values.get("version") != VERSION:
        raise InputError(
            f"{path}: has version {values.get('version')!r}, but version {VERSION} was expected; update road_extract"
        )
    try:
        layers = {str(name): str(fingerprint) for name, fingerprint in values["layers"].items()}
        return Decisions(layers, dict(map(_to_decision, values["decisions"])))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({error!r}); save the decisions again on the review page") from error


def _to_decision(entry: dict[str, Any]) -> tuple[tuple[str, int], Decision]:
    verdict, note, number = entry["decision"], entry["note"], entry["id"]
    if verdict not in ("accepted", "rejected", None):
        raise ValueError(f"the decision {verdict!r}")
    if not isinstance(note, str) or not isinstance(number, int):
        raise TypeError(f"the note {note!r} of {number!r}")
    return (str(entry["layer"]), number), Decision(verdict, note)


def _check_layers(layers: list[PieceLayer], found: Decisions, roads: Path, decisions: Path) -> None:
    for layer in layers:
        if found.layers.get(layer.name) != layer.fingerprint:
            raise InputError(
                f"{decisions}: was made for a result other than {roads}; use the unchanged file from which the page "
                "was made"
            )


def _wanted(said: list[Decision], keep: str) -> Any:
    keeps = {"accepted": ("accepted",), "not-rejected": ("accepted", None), "all": ("accepted", "rejected", None)}
    return np.array([decision.verdict in keeps[keep] for decision in said], np.bool_)


def _write(out: Path, layers: list[PieceLayer], found: Decisions, *, style: bool) -> None:
    write = write_features
    with replacing(out) as temp:
        for layer in layers:
            names = dict(zip(FIELDS, unique_names([*FIELDS], layer.fields), strict=True))
            fields = layer.fields | {names[name]: kind for name, kind in FIELDS.items()}
            schema = LayerSchema(_name(layer, layers), _KINDS[layer.kind], layer.crs, fields, {"version": __version__})
            write(temp, schema, _iter_features(layer, names, found))
            write = add_layer
        if style:
            add_styles(temp)
    if style and layers[0].name in LAYERS:
        write_style_files(out, layers[0].name)


def _name(layer: PieceLayer, layers: list[PieceLayer]) -> str:
    """The name of the layer; lines and polygons of one layer become two."""
    twins = sum(other.name == layer.name for other in layers)
    return layer.name if twins == 1 else f"{layer.name}_{layer.kind}s"


def _iter_features(layer: PieceLayer, names: dict[str, str], found: Decisions) -> Iterator[Feature]:
    for number, geometry, row in zip(layer.ids, layer.geometries, layer.rows, strict=True):
        decision = found.by_piece.get((layer.name, number), Decision())
        review = {names["review"]: decision.verdict, names["review_note"]: decision.note or None}
        for part in shapely.get_parts(geometry):
            yield Feature(part, {**row, **review})
