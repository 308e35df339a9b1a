"""Options of `batch` and `shard`."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.errors import InputError
from road_extract.base.options.declaring import check_ranges, option


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """What comes out of each scene of a batch, and who does the work."""

    formats: str = option(
        "gpkg", "Of the roads, with commas between: gpkg, geojson, fgb, parquet; lines alone also osm, graphml"
    )
    keep_probability: bool = option(False, "Keep the probability raster of every scene (GeoTIFF)")
    keep_mask: bool = option(False, "Keep the road mask of every scene (GeoTIFF)")
    keep_nodes: bool = option(False, "Write the nodes of the road lines too")
    asset: str | None = option(None, "Key of the asset to take of STAC items")
    shard_px: int = option(
        4096, "Shortest side of a shard, the piece of a scene that is worked on and resumed as one", unit="px", low=4096
    )
    jobs: int | None = option(
        None, "Processes that work at once; 1 if left out, with --dask local one for each processor", low=1, high=1024
    )
    dask: str | None = option(
        None, "Let Dask do the work: local, or the address of a scheduler such as tcp://scheduler:8786"
    )
    merge: str | None = option(
        None,
        "Write one layer over all scenes to this file: roads cut by scene borders are joined, and ground in several "
        "scenes counts once; keeps the probability rasters",
    )
    resume: bool = option(True, "Resume an interrupted run, or start over", short="resume/restart")
    fail_fast: bool = option(False, "Start nothing new after the first failure")

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.suffixes or len(set(self.suffixes)) < len(self.suffixes):
            raise InputError(f"formats is {self.formats!r}; expected different names with commas between")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of the formats, with their dots."""
        return tuple(f".{part.strip().lower().lstrip('.')}" for part in self.formats.split(",") if part.strip())
