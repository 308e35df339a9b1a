"""Makes one layer of all scenes of a batch, from their probability rasters and not from their features.

Scenes that touch or overlap are first joined into one raster (`io.raster.mosaic`), which is vectorized like any other:
a road that is cut by the border between scenes becomes one road again, and ground that is in two scenes counts once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from road_extract.base.errors import InputError
from road_extract.base.features import Feature
from road_extract.base.files import replacing
from road_extract.base.grid import RasterGrid
from road_extract.base.options import LineOptions, VectorizeOptions
from road_extract.base.progress import Progress, Report
from road_extract.io.raster import (
    ProbabilityRaster,
    footprint,
    gdal_session,
    open_probability_sink,
    plan_mosaic,
    read_tags,
    write_mosaic,
)
from road_extract.io.vector import add_layer, is_network_format, reproject, write_features
from road_extract.pipeline.masking import MaskRun, made_by
from road_extract.pipeline.outputs import Counts, Outputs, Targets, plan_targets
from road_extract.pipeline.vectorizing import iter_road_polygons, to_scale, trace_roads
from road_extract.roads.features import iter_line_features, line_schema, polygon_schema
from road_extract.roads.groups import label_groups

#: CRS of a layer whose scenes have different CRSs.
_COMMON_CRS = "OGC:CRS84"


def plan_merge(out: Path, geometry: str, *, style: bool = False) -> Targets:
    """Choose the files of the merged layers.

    Raises:
        InputError: If the format cannot hold them.
    """
    if is_network_format(out):
        raise InputError(f"{out}: merged roads can only be written to .gpkg, .geojson, .fgb, .parquet or .pmtiles")
    return plan_targets(Outputs(out, style=style), geometry)


@dataclass(frozen=True, slots=True)
class Merger:
    """How scenes are merged.

    Attributes:
        vectorize: How roads are made from probability.
        lines: Further options for lines.
        report: Called with the progress.
    """

    vectorize: VectorizeOptions
    lines: LineOptions
    report: Report

    def merge(self, rasters: list[Path], targets: Targets, scratch: Path) -> Counts:
        """Write the layers.

        Args:
            rasters: Probability rasters of the scenes; where two are equally good, the first one counts.
            targets: Files to write.
            scratch: Folder for the mosaics; it is removed afterwards.

        Raises:
            RoadExtractError: If a raster cannot be read or a layer cannot be written.
        """
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            with gdal_session(), ExitStack() as stack:
                names = {path: stack.enter_context(replacing(path)) for path in targets.paths}
                mosaics = [self._mosaic(group, scratch / f"{n}.tif") for n, group in enumerate(group_scenes(rasters))]
                counts = self._write(mosaics, targets.mapped(names))
                targets.add_styles(names)
            targets.write_styles()
            return counts
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _mosaic(self, group: list[Path], out: Path) -> Path:
        if len(group) == 1:
            return group[0]
        grid = plan_mosaic([read_grid(path) for path in group])
        with open_probability_sink(out, grid, road_tags(group[0]), lasting=False) as sink:
            write_mosaic(group, grid, sink)
        return out

    def _write(self, mosaics: list[Path], targets: Targets) -> Counts:
        grids = [read_grid(path) for path in mosaics]
        crs = layer_crs([grid.crs for grid in grids])
        polygons = lines = 0
        with ProbabilityRaster(str(mosaics[0])) as source:
            made, widths = made_by(self.vectorize, source), source.true_width
        if targets.polygons is not None:
            schema = to_scale(polygon_schema(crs, made), *grids)
            polygons = write_features(targets.polygons, schema, self._iter_polygons(mosaics, crs))
        if targets.lines is not None:
            schema = to_scale(line_schema(crs, made, widths=widths), *grids)
            write = add_layer if targets.lines == targets.polygons else write_features
            lines = write(targets.lines, schema, self._iter_lines(mosaics, crs))
        return Counts(polygons, lines)

    def _iter_polygons(self, mosaics: list[Path], crs: str) -> Iterator[Feature]:
        number = 0
        for source in self._iter_sources(mosaics):
            for feature in iter_road_polygons(source, MaskRun(self.vectorize)):
                number += 1
                yield _moved(feature, source.grid.crs, crs, {"id": number})

    def _iter_lines(self, mosaics: list[Path], crs: str) -> Iterator[Feature]:
        """Lines, nodes and components are numbered across all mosaics."""
        number = nodes = components = 0
        for source in self._iter_sources(mosaics):
            network = trace_roads(source, self.lines, MaskRun(self.vectorize))
            for feature in iter_line_features(network, source.grid.crs, widths=source.true_width):
                number += 1
                old = feature.properties
                shifted = {name: int(old[name] or 0) + nodes for name in ("from_node", "to_node")}
                shifted["component"] = int(old["component"] or 0) + components
                yield _moved(feature, source.grid.crs, crs, {"id": number, **shifted})
            nodes += len(network.node_xy)
            components += int(network.component.max(initial=-1)) + 1

    def _iter_sources(self, mosaics: list[Path]) -> Iterator[ProbabilityRaster]:
        for done, path in enumerate(mosaics, 1):
            with ProbabilityRaster(str(path)) as source:
                yield source
            self.report(Progress("merge", done, len(mosaics), "areas"))


def group_scenes(rasters: list[Path]) -> list[list[Path]]:
    """Group rasters that touch or overlap, directly or through others; groups and members keep the given order."""
    grids = [read_grid(path) for path in rasters]
    places = np.array([_place(grid) for grid in grids], dtype=object)
    count, group = label_groups(len(rasters), *shapely.STRtree(places).query(places, predicate="intersects"))
    return [[path for path, of in zip(rasters, group, strict=True) if of == number] for number in range(count)]


def _place(grid: RasterGrid) -> shapely.Geometry:
    """Footprint of a scene in longitude and latitude, two pixels larger on all sides so that neighbours overlap."""
    outline = footprint(grid)
    rim = 2 * max(abs(grid.transform.a) + abs(grid.transform.b), abs(grid.transform.d) + abs(grid.transform.e))
    return reproject(outline.buffer(rim, join_style="mitre").segmentize(outline.length / 40), grid.crs, _COMMON_CRS)


def read_grid(path: Path) -> RasterGrid:
    """The grid of a probability raster."""
    with ProbabilityRaster(str(path)) as source:
        return source.grid


def road_tags(path: Path) -> dict[str, str]:
    """The tags that this package has written into a raster."""
    return {name: value for name, value in read_tags(str(path)).items() if name.startswith("ROAD_EXTRACT_")}


def layer_crs(found: list[str]) -> str:
    """The CRS of a layer of scenes with these CRSs, as WKT: theirs if it is the same, else longitude and latitude."""
    from pyproj import CRS

    first = CRS.from_wkt(found[0])
    same = all(text == found[0] or CRS.from_wkt(text) == first for text in found)
    return found[0] if same else lonlat_wkt()


def lonlat_wkt() -> str:
    """Longitude and latitude of WGS 84 as WKT."""
    from pyproj import CRS

    return str(CRS.from_user_input(_COMMON_CRS).to_wkt())


def _moved(feature: Feature, source: str, target: str, changed: dict[str, Any]) -> Feature:
    geometry = feature.geometry if source == target else reproject(feature.geometry, source, target)
    return Feature(geometry, {**feature.properties, **changed})
