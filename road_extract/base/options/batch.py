"""Options for `batch` and `shard`."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.errors import InputError
from road_extract.base.options.declaring import OSM_TAGS_HELP, check_ranges, option


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """What to write for each scene of a batch, and how to distribute the work."""

    formats: str = option(
        "gpkg",
        "Output formats, comma-separated: gpkg, geojson, fgb, parquet, pmtiles; for lines alone also osm and graphml",
    )
    keep_probability: bool = option(False, "Keep the probability raster of each scene (GeoTIFF)")
    keep_mask: bool = option(False, "Keep the road mask of each scene (GeoTIFF)")
    keep_nodes: bool = option(False, "Also write the nodes of the road lines")
    creation_options: tuple[str, ...] = option(
        (), "Creation option of GDAL's COG driver for the rasters, such as COMPRESS=ZSTD; may be repeated", short="co"
    )
    report: bool = option(False, "Also write an HTML page for each scene, on which to review its roads over the image")
    style: bool = option(False, "Add styles for QGIS to the outputs")
    osm_tags: str | None = option(None, OSM_TAGS_HELP)
    asset: str | None = option(None, "STAC asset key")
    shard_px: int = option(
        4096, "Minimum side of a shard, the part of a scene that is processed and resumed as a unit", unit="px",
        low=4096,
    )  # fmt: skip
    jobs: int | None = option(
        None, "Number of parallel processes (default: 1, or one per processor with --dask local)", low=1, high=1024
    )
    dask: str | None = option(
        None, "Run the work on Dask: local, or the address of a scheduler such as tcp://scheduler:8786"
    )
    merge: str | None = option(
        None,
        "Also write the roads of all scenes to this file as one layer: roads are joined across scene borders, and "
        "overlapping areas are counted once; keeps the probability rasters",
    )
    resume: bool = option(True, "Resume an interrupted run, or start over", short="resume/restart")
    fail_fast: bool = option(False, "Start no further scenes after the first failure")

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.suffixes or len(set(self.suffixes)) < len(self.suffixes):
            raise InputError(f"formats is {self.formats!r}; expected distinct format names, separated by commas")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """File suffixes of the formats, with the dot."""
        return tuple(f".{part.strip().lower().lstrip('.')}" for part in self.formats.split(",") if part.strip())
