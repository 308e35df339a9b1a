"""From a probability raster or mask to the layers that were asked for: road polygons, road lines, nodes."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine

from road_extract.base.concurrency import run_ahead
from road_extract.base.errors import InputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.base.geodesy import area_m2, pixel_size_m
from road_extract.base.native import load_drivers
from road_extract.base.options import LineOptions, VectorizeOptions
from road_extract.base.progress import Progress, Report, no_report
from road_extract.io.raster import NODATA, PROBABILITY_MAX, ProbabilityRaster, RasterSink, gdal_session, open_mask_sink
from road_extract.io.vector import (
    GDAL_SUFFIXES,
    add_layer,
    check_crs,
    check_format,
    is_network_format,
    write_features,
    write_network,
)
from road_extract.roads.masks.strips import MaskStrip

# The numeric libraries are imported by the functions that need them: together they take half a second.
if TYPE_CHECKING:
    from road_extract.roads.network import RoadNetwork
    from road_extract.roads.polygons import RoadPolygon

#: For a probability raster whose maker recorded none.
DEFAULT_THRESHOLD = 0.5

POLYGON_FIELDS = {"id": int, "area_m2": float, "probability": float}

#: Lines are traced from areas down to this share of the smallest polygon: a faint road is a row of short dashes, which
#: bridging joins; what stays alone is dropped by its length.
LINE_AREA_SHARE = 0.25

#: Strips of clean mask that may wait.
_STRIPS_AHEAD = 1


@dataclass(frozen=True, slots=True)
class Targets:
    """Files to write; None is not written.

    Attributes:
        polygons: Road polygons.
        lines: Road lines; in a GeoPackage that may be the file of the polygons.
        nodes: The network's nodes.
        mask: The road mask, GeoTIFF.
    """

    polygons: Path | None = None
    lines: Path | None = None
    nodes: Path | None = None
    mask: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """All of them; one that holds both polygons and lines once."""
        lines = None if self.lines == self.polygons else self.lines
        return [path for path in (self.polygons, lines, self.nodes, self.mask) if path is not None]

    def check_crs(self, crs: str) -> None:
        """See that places in a CRS can be written to all of them.

        Raises:
            InputError: If one needs longitude and latitude on the earth, and the CRS has none.
        """
        for path in (self.polygons, self.lines, self.nodes):
            if path is not None:
                check_crs(path, crs)

    def mapped(self, names: dict[Path, Path]) -> Targets:
        """The same under other names."""

        def map_one(path: Path | None) -> Path | None:
            return None if path is None else names[path]

        return Targets(map_one(self.polygons), map_one(self.lines), map_one(self.nodes), map_one(self.mask))


@dataclass(frozen=True, slots=True)
class Counts:
    """Features written."""

    polygons: int = 0
    lines: int = 0


def plan_targets(out: Path, geometry: str, nodes: Path | None, mask: Path | None) -> Targets:
    """Which files hold what.

    Raises:
        InputError: If a suffix names no known format, or one that cannot hold what was asked for.
    """
    if is_network_format(out) and geometry != "lines":
        raise InputError(f"{out}: this format holds lines, no polygons; ask for --geometry lines or another format")
    if not is_network_format(out):
        check_format(out)
    if nodes is not None:
        check_format(nodes)
        if geometry == "polygons":
            raise InputError(f"{nodes}: polygons have no nodes; ask for --geometry lines or both")
    if geometry == "lines":
        return Targets(None, out, nodes, mask)
    if geometry == "polygons":
        return Targets(out, None, nodes, mask)
    beside = out if out.suffix.lower() == ".gpkg" else out.with_name(f"{out.stem}_lines{out.suffix}")
    return Targets(out, beside, nodes, mask)


def load_libraries(targets: Targets) -> None:
    """Import what `vectorize_to` needs, which another thread can do while a model runs."""
    import road_extract.roads.masks.cleaning
    import road_extract.roads.polygons  # noqa: F401

    if {path.suffix.lower() for path in targets.paths} & GDAL_SUFFIXES:
        load_drivers()


def vectorize_to(
    raster: Path | str,
    targets: Targets,
    options: VectorizeOptions,
    line_options: LineOptions,
    assume_crs: str | None,
    report: Report,
) -> Counts:
    """Write the layers of a raster.

    Raises:
        RoadExtractError: If the raster cannot be read or a file cannot be written.
    """
    with gdal_session(), ExitStack() as stack:
        source = stack.enter_context(ProbabilityRaster(str(raster), assume_crs))
        targets.check_crs(source.grid.crs)
        stack.enter_context(gdal_session(source.cache_bytes))
        counts = Counts()
        if targets.polygons is not None:
            kept = None if targets.mask is None else stack.enter_context(open_mask_sink(targets.mask, source.grid, {}))
            counts = Counts(_write_polygons(source, targets.polygons, options, kept, report))
        if targets.lines is not None:
            kept = None
            if targets.mask is not None and targets.polygons is None:
                kept = stack.enter_context(open_mask_sink(targets.mask, source.grid, {}))
            counts = replace(counts, lines=_write_lines(source, targets, options, line_options, kept, report))
        return counts


def _write_polygons(
    source: ProbabilityRaster, out: Path, options: VectorizeOptions, kept: RasterSink | None, report: Report
) -> int:
    with closing(iter_road_polygons(source, options, kept, report)) as features:
        return write_features(out, LayerSchema("roads", "Polygon", source.grid.crs, POLYGON_FIELDS), features)


def iter_road_polygons(
    source: ProbabilityRaster, options: VectorizeOptions, kept: RasterSink | None = None, report: Report = no_report
) -> Generator[Feature, None, None]:
    """The road polygons of a raster, in its CRS.

    Args:
        source: Read in another thread while the features are drawn.
        options: How.
        kept: Gets the mask, too.
        report: Told the progress, from another thread.
    """
    from road_extract.roads.polygons import iter_polygons

    grid = source.grid
    with closing(_run_clean_mask(source, options, options.min_area_m2, kept, "vectorize", report)) as strips:
        polygons = iter_polygons(strips, grid.width, pixel_size_m=pixel_size_m(grid), tolerance_m=options.simplify_m)
        with closing(polygons):
            yield from _iter_polygon_features(polygons, grid.transform, grid.crs, source.is_mask)


def _write_lines(
    source: ProbabilityRaster,
    targets: Targets,
    options: VectorizeOptions,
    line_options: LineOptions,
    kept: RasterSink | None,
    report: Report,
) -> int:
    from road_extract.roads.features import (
        LINE_FIELDS,
        NODE_FIELDS,
        WIDTH_FIELDS,
        iter_line_features,
        iter_node_features,
    )

    assert targets.lines is not None
    network = trace_roads(source, options, line_options, kept, report)
    crs, widths = source.grid.crs, source.true_width
    if targets.nodes is not None:
        nodes = LayerSchema("road_nodes", "Point", crs, NODE_FIELDS)
        write_features(targets.nodes, nodes, iter_node_features(network))
    if is_network_format(targets.lines):
        return write_network(targets.lines, network, crs, source.model)
    schema = LayerSchema("road_lines", "LineString", crs, LINE_FIELDS | (WIDTH_FIELDS if widths else {}))
    write = add_layer if targets.lines == targets.polygons else write_features
    return write(targets.lines, schema, iter_line_features(network, crs, widths=widths))


def trace_roads(
    source: ProbabilityRaster,
    options: VectorizeOptions,
    line_options: LineOptions,
    kept: RasterSink | None = None,
    report: Report = no_report,
) -> RoadNetwork:
    """The road network of a raster, in map coordinates. Arguments as for `iter_road_polygons`."""
    from road_extract.roads.network import Evidence, trace_network

    grid = source.grid
    with closing(
        _run_clean_mask(source, options, LINE_AREA_SHARE * options.min_area_m2, kept, "lines", report)
    ) as strips:
        network = trace_network(
            strips, (grid.height, grid.width), pixel_size_m(grid), line_options, options.simplify_m,
            Evidence(source.read, road_threshold(options, source), source.is_mask),
        )  # fmt: skip
    return network.placed(grid.transform)


def _run_clean_mask(
    source: ProbabilityRaster,
    options: VectorizeOptions,
    min_area_m2: float,
    kept: RasterSink | None,
    stage: str,
    report: Report,
) -> Generator[MaskStrip, None, None]:
    """Read and clean in another thread, beside what is made of the mask here."""
    from road_extract.roads.masks.cleaning import iter_clean_strips

    size_x, size_y = pixel_size_m(source.grid)
    pixels = [math.ceil(area / (size_x * size_y)) for area in (min_area_m2, options.min_hole_m2)]
    strips = _iter_mask_strips(source, road_threshold(options, source), stage, report)
    cleaned = iter_clean_strips(strips, *pixels)
    return run_ahead(cleaned if kept is None else _iter_kept(cleaned, kept), _STRIPS_AHEAD)


def road_threshold(options: VectorizeOptions, source: ProbabilityRaster) -> float:
    """The probability from which a pixel is road: as asked for, else as its maker recorded."""
    if options.threshold is not None:
        return options.threshold
    return DEFAULT_THRESHOLD if source.threshold is None else source.threshold


def _iter_mask_strips(source: ProbabilityRaster, threshold: float, stage: str, report: Report) -> Iterator[MaskStrip]:
    # levels are a byte a pixel: strips are what memory grows with
    for row, road, valid, levels in source.iter_levels(threshold):
        yield MaskStrip(row, road, valid, levels)
        report(Progress(stage, row + len(levels), source.grid.height, "rows"))


def _iter_kept(strips: Iterable[MaskStrip], sink: RasterSink) -> Iterator[MaskStrip]:
    for strip in strips:
        sink.write(np.where(strip.valid, strip.mask, NODATA).astype(np.uint8))
        yield strip


def _iter_polygon_features(
    polygons: Iterable[RoadPolygon], transform: Affine, crs: str, is_mask: bool
) -> Iterator[Feature]:
    import shapely

    matrix = np.array([[transform.a, transform.b], [transform.d, transform.e]])
    origin = np.array([transform.c, transform.f])
    for number, polygon in enumerate(polygons, 1):
        geometry = shapely.transform(polygon.geometry, lambda xy: xy @ matrix.T + origin)
        probability = None if is_mask else round(polygon.probability / PROBABILITY_MAX, 4)
        yield Feature(geometry, {"id": number, "area_m2": round(area_m2(geometry, crs), 2), "probability": probability})
