"""The files to write, which layer goes into which file, and what was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.io.styles import add_styles, style_paths, write_style_files
from road_extract.io.vector import check_crs, check_format, is_network_format

PathLike = str | Path


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write. Instead of this, a plain path can be given to write only the roads.

    Attributes:
        roads: ``.geojson``, ``.gpkg``, ``.fgb``, ``.parquet`` or ``.pmtiles``; for lines only, also ``.osm`` or
            ``.graphml``.
        probability: Probability raster (GeoTIFF).
        mask: Road mask (GeoTIFF).
        nodes: Nodes of the road lines.
        report: Page for review (HTML); only of `extract_roads`, because it shows the scene.
        style: Whether to add styles for QGIS and other programs; see `road_extract.io.styles`.
    """

    roads: PathLike
    probability: PathLike | None = None
    mask: PathLike | None = None
    nodes: PathLike | None = None
    report: PathLike | None = None
    style: bool = False


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
        style: Whether polygons and lines get styles.
    """

    polygons: Path | None = None
    lines: Path | None = None
    nodes: Path | None = None
    mask: Path | None = None
    style: bool = False

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
            if path.suffix.lower() == ".gpkg":
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

    def mapped(self, names: dict[Path, Path]) -> Targets:
        """Return the same layers with other paths."""

        def map_one(path: Path | None) -> Path | None:
            return None if path is None else names[path]

        layers = (map_one(self.polygons), map_one(self.lines), map_one(self.nodes), map_one(self.mask))
        return Targets(*layers, style=self.style)


@dataclass(frozen=True, slots=True)
class Counts:
    """Number of features written."""

    polygons: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was written.

    Attributes:
        path: File of the polygons, or of the lines if only lines were requested.
        features: Number of polygons and lines together.
        polygons: Number of polygons.
        lines: Number of lines.
        lines_path: File of the lines; the same as ``path`` in a GeoPackage.
    """

    path: Path
    features: int
    polygons: int
    lines: int
    lines_path: Path

    @classmethod
    def of(cls, targets: Targets, counts: Counts) -> Extraction:
        """Combine files and counts."""
        layers = [path for path in (targets.polygons, targets.lines) if path is not None]
        return cls(layers[0], counts.polygons + counts.lines, counts.polygons, counts.lines, layers[-1])


def plan_targets(outputs: Outputs, geometry: str) -> Targets:
    """Choose the file of each layer.

    Raises:
        InputError: If a suffix is not that of a known format, or the format cannot contain what was requested.
    """
    out, nodes, mask = Path(outputs.roads), _path(outputs.nodes), _path(outputs.mask)
    if is_network_format(out) and geometry != "lines":
        raise InputError(f"{out}: this format can only contain lines; use --geometry lines or another format")
    if not is_network_format(out):
        check_format(out)
    if nodes is not None:
        check_format(nodes)
        if geometry == "polygons":
            raise InputError(f"{nodes}: polygons have no nodes; use --geometry lines or both")
    if geometry == "lines":
        return Targets(None, out, nodes, mask, outputs.style)
    if geometry == "polygons":
        return Targets(out, None, nodes, mask, outputs.style)
    beside = out if out.suffix.lower() == ".gpkg" else out.with_name(f"{out.stem}_lines{out.suffix}")
    return Targets(out, beside, nodes, mask, outputs.style)


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)
