"""Turns a probability raster or a mask into layers: road polygons, road lines and nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from road_extract.base.features import Feature, LayerSchema
from road_extract.base.geodesy import pixel_frame, pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.base.native import load_drivers
from road_extract.base.options import LineOptions, VectorizeOptions
from road_extract.base.progress import Report
from road_extract.io.raster import ProbabilityRaster, RasterSink, gdal_session, open_mask_sink
from road_extract.io.vector import GDAL_SUFFIXES, add_layer, is_network_format, write_features, write_network
from road_extract.pipeline.masking import MaskRun, made_by, mask_tags, road_threshold
from road_extract.pipeline.outputs import Counts, Targets

# The numeric libraries are imported by the functions that need them: together they take half a second.
if TYPE_CHECKING:
    from road_extract.roads.network import RoadNetwork

#: Lines are traced from areas as small as this share of the smallest polygon: a faint road is a row of short dashes,
#: which are joined when gaps are bridged. A dash that remains isolated is dropped because it is too short.
LINE_AREA_SHARE = 0.25
#: Default simplification tolerance of outlines. Outlines follow the edges of pixels, and a tolerance of one pixel would
#: leave steps in oblique ones.
OUTLINE_TOLERANCE_PX = 1.5
#: The same for lines, which are already smooth.
LINE_TOLERANCE_M = 1.0


def load_libraries(targets: Targets) -> None:
    """Import what `vectorize_to` needs; another thread can do so while a model runs."""
    import road_extract.roads.features
    import road_extract.roads.masks.cleaning
    import road_extract.roads.polygons  # noqa: F401

    if {path.suffix.lower() for path in targets.paths} & GDAL_SUFFIXES:
        load_drivers()


def vectorize_to(
    raster: Path | str,
    targets: Targets,
    options: VectorizeOptions,
    lines: LineOptions,
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
        targets.check_attributes(widths=source.true_width)
        stack.enter_context(gdal_session(source.cache_bytes))
        # each layer is made from its own mask; the mask of the first layer is kept
        kept = _open_mask(targets, source, options, stack)
        keeping, plain = MaskRun(options, kept, report), MaskRun(options, None, report)
        polygon_count = line_count = 0
        if targets.polygons is not None:
            polygon_count = _write_polygons(source, targets.polygons, keeping)
        if targets.lines is not None:
            line_count = _write_lines(source, targets, lines, keeping if targets.polygons is None else plain)
        return Counts(polygon_count, line_count)


def _open_mask(
    targets: Targets, source: ProbabilityRaster, options: VectorizeOptions, stack: ExitStack
) -> RasterSink | None:
    if targets.mask is None:
        return None
    tags, stored = mask_tags(options, source), targets.creation_options
    return stack.enter_context(open_mask_sink(targets.mask, source.grid, tags, creation_options=stored))


def iter_road_polygons(source: ProbabilityRaster, masks: MaskRun) -> Generator[Feature, None, None]:
    """Iterate over the road polygons of a raster, in its CRS.

    Args:
        source: Raster, read in another thread while the features are consumed.
        masks: How to compute its mask.
    """
    from road_extract.roads.features import iter_polygon_features
    from road_extract.roads.polygons import iter_polygons

    grid, tolerance_m = source.grid, masks.options.simplify_m
    if tolerance_m is None:
        tolerance_m = OUTLINE_TOLERANCE_PX * max(pixel_size_m(grid))
    with (
        closing(masks.iter_strips(source, "vectorize")) as strips,
        closing(iter_polygons(strips, grid.width, pixel_size_m=pixel_size_m(grid), tolerance_m=tolerance_m)) as found,
    ):
        yield from iter_polygon_features(found, grid, is_mask=source.is_mask)


def trace_roads(source: ProbabilityRaster, lines: LineOptions, masks: MaskRun) -> RoadNetwork:
    """Trace the road network of a raster, in map coordinates.

    Args:
        source: Raster, read in another thread.
        lines: What to drop and to bridge.
        masks: How to compute its mask.
    """
    from road_extract.roads.network import Evidence, trace_network

    grid, options = source.grid, masks.options
    evidence = Evidence(source.read, road_threshold(options, source), source.is_mask)
    tolerance_m = LINE_TOLERANCE_M if options.simplify_m is None else options.simplify_m
    if masks.kept is not None:
        # the kept mask uses the threshold itself, while lines are also traced where the probability is lower
        with closing(masks.iter_strips(source, "mask", LINE_AREA_SHARE)) as strips:
            deque(strips, maxlen=0)
    faint = replace(masks, kept=None).iter_strips(source, "lines", LINE_AREA_SHARE, lines.faint)
    with closing(faint) as strips:
        network = trace_network(strips, pixel_frame(grid), lines, tolerance_m, evidence)
    return network.placed(grid.transform)


def to_scale(schema: LayerSchema, *grids: RasterGrid) -> LayerSchema:
    """Note the size of the pixels that features come from; the smallest of several."""
    return replace(schema, pixel_m=min(min(pixel_size_m(grid)) for grid in grids))


def _write_polygons(source: ProbabilityRaster, out: Path, masks: MaskRun) -> int:
    from road_extract.roads.features import polygon_schema

    with closing(iter_road_polygons(source, masks)) as features:
        schema = polygon_schema(source.grid.crs, made_by(masks.options, source))
        return write_features(out, to_scale(schema, source.grid), features)


def _write_lines(source: ProbabilityRaster, targets: Targets, lines: LineOptions, masks: MaskRun) -> int:
    from road_extract.roads.features import iter_line_features, iter_node_features, line_schema, node_schema

    assert targets.lines is not None
    network = trace_roads(source, lines, masks)
    crs, widths, made = source.grid.crs, source.true_width, made_by(masks.options, source)
    if targets.nodes is not None:
        write_features(targets.nodes, to_scale(node_schema(crs, made), source.grid), iter_node_features(network))
    if is_network_format(targets.lines):
        return write_network(targets.lines, network, crs, made, targets.rules)
    write = add_layer if targets.lines == targets.polygons else write_features
    schema = to_scale(line_schema(crs, made, widths=widths), source.grid)
    return write(targets.lines, schema, iter_line_features(network, crs, widths=widths))
