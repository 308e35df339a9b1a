"""Writes the review page: one HTML file with the scene, the roads, and the script that shows them.

The page loads nothing from elsewhere: its Content Security Policy allows only its own style and script, by their
hashes, and pictures inside the file. Names and attributes of roads are data, never markup: JSON without ``<``, and
escaped text.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from road_extract.base.errors import InputError
from road_extract.base.files import check_outputs, write_text
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.base.options import ReportOptions
from road_extract.base.palette import LINE_COLOUR, OUTLINE_COLOUR, POLYGON_COLOUR, STATUS_COLOURS, ramp_colour
from road_extract.base.urls import redact
from road_extract.base.version import __version__
from road_extract.base.windows import Window
from road_extract.io.raster import ProbabilityRaster, Scene, SceneView, gdal_session, read_tags
from road_extract.io.raster.picture import encode_palette_png, encode_webp, to_colour_picture
from road_extract.io.raster.unplaced import is_unplaced
from road_extract.io.raster.versions import native_versions
from road_extract.review.figures import figures_of, histogram_of
from road_extract.review.pieces import (
    PieceLayer,
    check_reviewable,
    doubt_of,
    fingerprint_of,
    order_pieces,
    read_pieces,
)
from road_extract.review.plane import SCALE, Plane, to_places, to_steps

log = logging.getLogger("road_extract")

PathLike = str | Path

#: Scripts, in the order in which they need each other.
_SCRIPTS = ("shapes.js", "store.js", "map.js", "page.js")
#: Longer side of the picture of the probability, and the number of its colours.
_PROBABILITY_PX, _LEVELS = 2048, 32
#: Statuses are those of `diff`; the classes of probability are colours that also the colour-blind tell apart
#: (RdYlBu, colorbrewer2.org, Cynthia Brewer).
_CLASSES = ("#d7191c", "#fd8d3c", "#fee08b", "#91bfdb", "#2c63b8")
_DECISIONS = {"accepted": "#0b9e55", "rejected": "#d0312d", "undecided": "#f2a900"}
_BRIDGED, _UNKNOWN = "#00a6d6", "#777777"
_TAG = "ROAD_EXTRACT_"


@dataclass(frozen=True, slots=True)
class Report:
    """A page that was written.

    Attributes:
        path: The page.
        pieces: Number of lines and polygons on it.
        fingerprint: Of the result that it shows; decisions carry it.
    """

    path: Path
    pieces: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture on the page; ``values`` is what the script needs to place it."""

    values: dict[str, Any]
    mime: str
    content: bytes


def check_source(out: PathLike, *roads: PathLike) -> None:
    """Check before any work that a page can be made from files with these names.

    Raises:
        InputError: If a format cannot be reviewed, or the page's name does not end in .html.
    """
    check_report(out)
    for path in roads:
        check_reviewable(Path(path))


def describe_options(*options: Any) -> dict[str, str]:
    """The options that differ from their defaults, for "How this was made".

    Args:
        options: Objects of options classes.
    """
    found = [
        f"{f.name} {getattr(given, f.name)}"
        for given in options
        for f in fields(given)
        if getattr(given, f.name) != f.default
    ]
    return {"Options": ", ".join(found) or "the defaults"}


def check_report(out: PathLike) -> None:
    """Check the name of a page.

    Raises:
        InputError: If it does not end in .html.
    """
    if Path(out).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{out}: the name of a review page must end in .html")


def write_report(
    scene: PathLike | None,
    roads: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    probability: PathLike | None = None,
    options: ReportOptions | None = None,
    made: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Report:
    """Write a page that shows roads over their scene and collects decisions about them. It needs no network.

    Args:
        scene: Any raster that GDAL opens; None for a page without a picture.
        roads: Vector file with lines, polygons, or both, or several such files; any CRS.
        out: ``.html``.
        probability: Probability raster to show.
        options: How the scene is shown.
        made: Further lines for "How this was made".
        overwrite: Replace an existing page.

    Raises:
        RoadExtractError: If a file cannot be read or written, or the roads lie outside the scene.
    """
    out, options = Path(out), options or ReportOptions()
    given = [Path(roads)] if isinstance(roads, str | Path) else [Path(path) for path in roads]
    check_report(out)
    inputs = [*given, *(path for path in (scene, probability) if path is not None)]
    check_outputs([out], inputs, overwrite)
    layers = read_pieces(given, options.assume_crs)
    with gdal_session():
        plane, pictures = _draw(scene, probability, layers, options)
    shown = [plane.clipped(layer) for layer in layers]
    _check_place(layers, [layer for layer, _ in shown], given[0], scene)
    data = _to_data(plane, layers, shown, given[0].name)
    data["pictures"] = [picture.values for picture in pictures]
    data["made"] = _made(given, scene, probability, made or {})
    write_text(out, _to_page(data, _subtitle(given, scene), pictures))
    return Report(out, sum(len(layer.ids) for layer, _ in shown), str(data["fingerprint"]))


def _draw(
    scene: PathLike | None, probability: PathLike | None, layers: list[PieceLayer], options: ReportOptions
) -> tuple[Plane, list[_Picture]]:
    pictures = []
    plane = None
    if scene is not None:
        if is_unplaced(str(scene), options.subdataset):
            log.warning("%s: its location is unknown; the page shows the roads without it", redact(str(scene)))
        else:
            picture, plane = _draw_scene(str(scene), options)
            pictures.append(picture)
    if probability is not None:
        with ProbabilityRaster(str(probability), options.assume_crs) as raster:
            plane = plane or Plane.of_picture(raster.grid.resize(*_fitted(raster.grid.shape, options.size_px)))
            found = _draw_probability(raster, plane)
            pictures += [] if found is None else [found]
    return plane or Plane.round(layers), pictures


def _draw_scene(path: str, options: ReportOptions) -> tuple[_Picture, Plane]:
    view = SceneView(
        gsd_m=1.0, native_gsd=True, bands=options.bands, bounds=options.bounds, assume_crs=options.assume_crs,
        subdataset=options.subdataset, nodata=options.nodata,
    )  # fmt: skip
    with Scene(path, view) as source:
        pixels, valid, grid = source.overview(options.size_px)
    content = encode_webp(to_colour_picture(pixels, valid))
    values = {"id": "scene", "label": "Scene", "affine": [1, 0, 0, 0, 1, 0], "opacity": 1, "shown": True}
    return _Picture(values, "image/webp", content), Plane.of_picture(grid)


def _draw_probability(raster: ProbabilityRaster, plane: Plane) -> _Picture | None:
    part = _part(raster.grid, plane)
    if part is None:
        return None
    levels, valid, grid = raster.overview(_PROBABILITY_PX, part)
    indices = np.rint(levels / PROBABILITY_MAX * (_LEVELS - 1)).astype(np.uint8)
    indices[~valid] = 0  # the first colour is transparent
    colours = {number: ramp_colour(number / (_LEVELS - 1)) for number in range(_LEVELS)}
    affine = [round(float(value), 9) for value in plane.affine_of(grid)[:6]]
    values = {"id": "probability", "label": "Probability", "affine": affine, "opacity": 0.6, "shown": False}
    return _Picture(values, "image/png", encode_palette_png(indices, colours))


def _part(grid: RasterGrid, plane: Plane) -> Window | None:
    """The window of a raster that the plane shows; None if there is none."""
    to_pixels = ~plane.affine_of(grid)
    height, width = plane.grid.shape
    corners = np.array([to_pixels * corner for corner in ((0, 0), (width, 0), (width, height), (0, height))])
    col0, row0 = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    col1, row1 = np.minimum(np.ceil(corners.max(axis=0)), (grid.width, grid.height)).astype(int)
    return Window(int(col0), int(row0), int(col1 - col0), int(row1 - row0)) if col0 < col1 and row0 < row1 else None


def _fitted(shape: tuple[int, int], size_px: int) -> list[int]:
    shrink = max(1.0, max(shape) / size_px)
    return [max(1, round(side / shrink)) for side in shape]


def _check_place(layers: list[PieceLayer], shown: list[PieceLayer], roads: Path, scene: PathLike | None) -> None:
    total, seen = (sum(len(layer.ids) for layer in of) for of in (layers, shown))
    if total and not seen:
        raise InputError(
            f"{roads}: none of its roads lies in {scene}; check that the files belong together, and their CRSs"
        )
    if seen < total:
        log.info("%s of %s roads lie outside the image and are left out of the page", total - seen, total)


def _to_data(plane: Plane, layers: list[PieceLayer], shown: list[tuple[PieceLayer, Any]], title: str) -> dict[str, Any]:
    seen = [layer for layer, _ in shown]
    return {
        "title": title,
        "fingerprint": fingerprint_of(layers),
        "plane": {
            "width": plane.grid.width,
            "height": plane.grid.height,
            "unit_m": round(plane.unit_m, 6),
            "scale": SCALE,
        },
        "layers": [_to_layer(layer, geometries) for layer, geometries in shown],
        "order": order_pieces(seen),
        "figures": figures_of(seen),
        "histogram": histogram_of(seen),
        "colours": _colours(),
    }


def _to_layer(layer: PieceLayer, geometries: Any) -> dict[str, Any]:
    fields = [name for name in layer.fields if name != "id"]
    return {
        "name": layer.name,
        "kind": layer.kind,
        "fingerprint": layer.fingerprint,
        "ids": layer.ids,
        "shapes": to_steps(geometries),
        "doubt": [doubt_of(row) for row in layer.rows],
        "places": to_places(layer) if layer.ids else [],
        "values": {name: [_to_json(row.get(name)) for row in layer.rows] for name in fields},
    }


def _to_json(value: Any) -> Any:
    """A value that both JSON and JavaScript can represent: large integers become text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value


def _colours() -> dict[str, str]:
    def to_hex(colour: tuple[int, int, int]) -> str:
        return "#{:02x}{:02x}{:02x}".format(*colour)

    return {
        "road": to_hex(LINE_COLOUR),
        "bridged": _BRIDGED,
        "polygon": to_hex(POLYGON_COLOUR),
        "polygon_outline": to_hex(OUTLINE_COLOUR),
        "unknown": _UNKNOWN,
        **{status: to_hex(colour) for status, colour in STATUS_COLOURS.items()},
        **{f"class_{number}": colour for number, colour in enumerate(_CLASSES)},
        **_DECISIONS,
    }


def _subtitle(roads: list[Path], scene: PathLike | None) -> str:
    names = [path.name for path in roads[1:]]
    over = "" if scene is None else f"over {Path(redact(str(scene))).name}"
    return " ".join([*(f"with {name}" for name in names), over]).strip() or "without an image of the scene"


def _made(
    roads: list[Path], scene: PathLike | None, probability: PathLike | None, further: Mapping[str, str]
) -> list[tuple[str, str]]:
    """What made the result: files, then what the probability raster records, then the rest."""
    found = {"Roads": ", ".join(path.name for path in roads)}
    if scene is not None:
        found["Scene"] = redact(str(scene))
    if probability is not None:
        tags = read_tags(str(probability))
        names = {name: name.removeprefix(_TAG).replace("_", " ").capitalize() for name in tags if name.startswith(_TAG)}
        found |= {title: tags[name] for name, title in names.items() if name != f"{_TAG}VERSION"}
        if f"{_TAG}VERSION" in tags:
            found["Probability made by"] = f"road_extract {tags[f'{_TAG}VERSION']}"
    found |= {name: redact(value) for name, value in further.items()}
    software = ", ".join(
        f"{name} {number}" for name, number in {"road_extract": __version__, **native_versions()}.items()
    )
    return [*found.items(), ("Page made by", software)]


def _to_page(data: dict[str, Any], subtitle: str, pictures: list[_Picture]) -> str:
    folder = resources.files("road_extract.review").joinpath("page")
    page, style, *scripts = (
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "page.css", *_SCRIPTS)
    )
    script = "\n".join(scripts)
    # JSON does not use these characters outside strings, and inside strings they can be escaped
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Template(page).substitute(
        title=html.escape(str(data["title"])),
        subtitle=html.escape(subtitle),
        generator=html.escape(f"road_extract {__version__}"),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        images="\n".join(map(_to_image, pictures)),
        data=text,
    )


def _to_image(picture: _Picture) -> str:
    content = base64.b64encode(picture.content).decode("ascii")
    return f'<img id="{picture.values["id"]}" alt="" hidden src="data:{picture.mime};base64,{content}">'


def _hash(text: str) -> str:
    """As Content Security Policy Level 3 spells it, section 2.3.1."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
