"""The files to write, which layer goes into which file, and what was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from road_extract.base.errors import InputError
from road_extract.io.objects import local_copy
from road_extract.io.raster import check_creation_options
from road_extract.io.styles import add_styles, style_paths, write_style_files
from road_extract.io.vector import (
    TagRule,
    check_attributes,
    check_crs,
    check_format,
    check_tagged,
    is_network_format,
    read_tag_rules,
    read_written,
)

PathLike = str | Path


@dataclass(frozen=True, slots=True)
class Outputs:
    """Paths, or URLs in a bucket, to write to. Instead of this, a plain location can be given to write only the roads.

    Attributes:
        roads: ``.geojson``, ``.gpkg``, ``.fgb``, ``.parquet`` or ``.pmtiles``; for lines only, also ``.osm`` or
            ``.graphml``.
        probability: Probability raster (GeoTIFF).
        mask: Road mask (GeoTIFF).
        nodes: Nodes of the road lines.
        creation_options: How the rasters are stored: NAME=VALUE, such as ``COMPRESS=ZSTD``, for GDAL's COG driver.
        report: Page for review (HTML); only of `extract_roads`, because it shows the scene.
        style: Whether to add styles for QGIS and other programs; see `road_extract.io.styles`.
        osm_tags: Tags of the ways of an ``.osm`` file, as text such as ``surface==unpaved,width=width_m``, or the rules
            that `read_tag_rules` makes of it.
    """

    roads: PathLike
    probability: PathLike | None = None
    mask: PathLike | None = None
    nodes: PathLike | None = None
    creation_options: tuple[str, ...] = ()
    report: PathLike | None = None
    style: bool = False
    osm_tags: str | tuple[TagRule, ...] | None = None


@dataclass(frozen=True, slots=True)
class RasterFile:
    """A raster to write, and how it is stored.

    Attributes:
        path: GeoTIFF.
        creation_options: NAME=VALUE, such as ``COMPRESS=ZSTD``, for GDAL's COG driver.
    """

    path: PathLike
    creation_options: tuple[str, ...] = ()


def to_outputs(out: PathLike | Outputs) -> Outputs:
    """Convert a plain path to the outputs that it stands for."""
    return out if isinstance(out, Outputs) else Outputs(out)


@dataclass(frozen=True, slots=True)
class Targets:
    """The file of each layer; a layer whose file is None is not written.

    Attributes:
        polygons: Road polygons.
        lines: Road lines; a GeoPackage may hold both polygons and lines.
        nodes: Nodes of the road lines.
        mask: The road mask, GeoTIFF.
        creation_options: Those of the mask.
        style: Whether polygons and lines get styles.
        rules: Tags of the lines in an ``.osm`` file.
    """

    polygons: Path | None = None
    lines: Path | None = None
    nodes: Path | None = None
    mask: Path | None = None
    creation_options: tuple[str, ...] = ()
    style: bool = False
    rules: tuple[TagRule, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """All files; one that holds both polygons and lines is listed once."""
        lines = None if self.lines == self.polygons else self.lines
        return [path for path in (self.polygons, lines, self.nodes, self.mask) if path is not None]

    @property
    def style_paths(self) -> list[Path]:
        """The style files beside polygons and lines."""
        return [beside for path, _ in self._styled for beside in style_paths(path)]

    @property
    def _styled(self) -> list[tuple[Path, str]]:
        layers = ((self.polygons, "roads"), (self.lines, "road_lines"))
        return [(path, layer) for path, layer in layers if path is not None] if self.style else []

    def add_styles(self, names: dict[Path, Path]) -> None:
        """Put styles into GeoPackages.

        Args:
            names: The temporary name of each file.

        Raises:
            OutputError: If one cannot be written.
        """
        for path in dict.fromkeys(path for path, _ in self._styled):
            add_styles(names[path])

    def write_styles(self) -> None:
        """Write the style files beside polygons and lines.

        Raises:
            OutputError: If one cannot be written.
        """
        for path, layer in self._styled:
            write_style_files(path, layer)

    def check_crs(self, crs: str) -> None:
        """Check that coordinates in a CRS can be written to all files.

        Raises:
            InputError: If a format needs longitude and latitude on the Earth, and the CRS does not have them.
        """
        for path in (self.polygons, self.lines, self.nodes):
            if path is not None:
                check_crs(path, crs)

    def check_attributes(self, *, widths: bool) -> None:
        """Check that the lines have the attributes that the tags are made from.

        Args:
            widths: Whether the lines have widths.

        Raises:
            InputError: If one is missing.
        """
        if self.rules:
            from road_extract.roads.features import LINE_FIELDS, WIDTH_FIELDS

            check_attributes(self.rules, LINE_FIELDS | (WIDTH_FIELDS if widths else {}))

    def mapped(self, names: dict[Path, Path]) -> Targets:
        """Return the same layers with other paths."""

        def map_one(path: Path | None) -> Path | None:
            return None if path is None else names[path]

        layers = (map_one(self.polygons), map_one(self.lines), map_one(self.nodes), map_one(self.mask))
        return Targets(*layers, self.creation_options, self.style, self.rules)


@dataclass(frozen=True, slots=True)
class Counts:
    """Number of features written."""

    polygons: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was written.

    Attributes:
        path: File of the polygons, or of the lines if only lines were requested; a URL if it is in a bucket.
        features: Number of polygons and lines together.
        polygons: Number of polygons.
        lines: Number of lines.
        lines_path: File of the lines; the same as ``path`` in a GeoPackage.
        geometry: ``polygons``, ``lines`` or ``both``.

    In a notebook, it is shown as a small map with a table.
    """

    path: PathLike
    features: int
    polygons: int
    lines: int
    lines_path: PathLike
    geometry: str = "polygons"

    @classmethod
    def of(cls, targets: Targets, counts: Counts) -> Extraction:
        """Combine files and counts."""
        names = {"polygons": targets.polygons, "lines": targets.lines}
        written = [name for name, path in names.items() if path is not None]
        geometry = "both" if len(written) == 2 else written[0]
        layers = [path for path in (targets.polygons, targets.lines) if path is not None]
        return cls(layers[0], counts.polygons + counts.lines, counts.polygons, counts.lines, layers[-1], geometry)

    @property
    def layers(self) -> dict[str, PathLike]:
        """The files of the ``polygons`` and of the ``lines``, as far as they were written."""
        files = {"polygons": self.path, "lines": self.lines_path}
        return files if self.geometry == "both" else {self.geometry: self.path}

    def to_geodataframe(self, geometry: str | None = None) -> Any:
        """Read the roads into a ``geopandas.GeoDataFrame``.

        Args:
            geometry: ``polygons`` or ``lines``; by default the polygons, if there are any.

        Raises:
            InputError: If they were not written, or to a format for other programs (``.osm``, ``.graphml``).
        """
        files = self.layers
        chosen = geometry or next(iter(files))
        if chosen not in files:
            raise InputError(f"{self.path}: has no {chosen}; it was written with {' and '.join(files)}")
        with local_copy(files[chosen]) as path:
            return read_written(path, "road_lines" if chosen == "lines" else "roads")

    def _repr_html_(self) -> str:
        from road_extract.pipeline.showing import to_html

        return to_html(self)


def plan_targets(outputs: Outputs, geometry: str) -> Targets:
    """Choose the file of each layer.

    Raises:
        InputError: If a suffix is not that of a known format, the format cannot contain what was requested, or a
            creation option or a tag cannot be used.
    """
    check_creation_options(outputs.creation_options)
    out, nodes, mask = Path(outputs.roads), _path(outputs.nodes), _path(outputs.mask)
    stored = outputs.creation_options
    if is_network_format(out) and geometry != "lines":
        raise InputError(f"{out}: this format can only contain lines; use --geometry lines or another format")
    if not is_network_format(out):
        check_format(out)
    if nodes is not None:
        check_format(nodes)
        if geometry == "polygons":
            raise InputError(f"{nodes}: polygons have no nodes; use --geometry lines or both")
    given = outputs.osm_tags
    rules = given if isinstance(given, tuple) else read_tag_rules(given)
    check_tagged(rules, out, (".osm",))
    if geometry == "lines":
        targets = Targets(None, out, nodes, mask, stored, outputs.style, rules)
        targets.check_attributes(widths=True)  # whether there are widths is known when the raster or the model is
        return targets
    if geometry == "polygons":
        return Targets(out, None, nodes, mask, stored, outputs.style)
    beside = out if out.suffix.lower() == ".gpkg" else out.with_name(f"{out.stem}_lines{out.suffix}")
    return Targets(out, beside, nodes, mask, stored, outputs.style)


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)
