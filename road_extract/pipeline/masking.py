"""The clean road mask of a probability raster, strip by strip."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from road_extract.base.concurrency import run_ahead
from road_extract.base.geodesy import pixel_size_m
from road_extract.base.levels import DEFAULT_THRESHOLD, NODATA
from road_extract.base.options import VectorizeOptions
from road_extract.base.progress import Progress, Report, no_report
from road_extract.base.version import __version__
from road_extract.io.raster import (
    MADE_BY_TAG,
    MODEL_TAG,
    THRESHOLD_TAG,
    TRUE_WIDTH_TAG,
    ProbabilityRaster,
    RasterSink,
)
from road_extract.roads.masks.strips import MaskStrip

#: Number of cleaned mask strips that may wait for their consumer.
_STRIPS_AHEAD = 1


@dataclass(frozen=True, slots=True)
class MaskRun:
    """How to compute the mask of a raster.

    Attributes:
        options: Threshold, minimum area and minimum hole area.
        kept: Raster to which the mask is also written.
        report: Called with the progress, from another thread.
    """

    options: VectorizeOptions
    kept: RasterSink | None = None
    report: Report = no_report

    def iter_strips(
        self, source: ProbabilityRaster, stage: str, area_share: float = 1.0, faint: float = 1.0
    ) -> Generator[MaskStrip, None, None]:
        """Read and clean in another thread while the caller works on the mask.

        Args:
            source: Raster, read in the other thread.
            stage: Name of the stage in progress reports.
            area_share: Factor for the minimum area.
            faint: Factor for the threshold from which pixels count as road.
        """
        from road_extract.roads.masks.cleaning import iter_clean_strips

        size_x, size_y = pixel_size_m(source.grid)
        areas = (area_share * self.options.min_area_m2, self.options.min_hole_m2)
        pixels = [math.ceil(area / (size_x * size_y)) for area in areas]
        cleaned = iter_clean_strips(self._iter_thresholded(source, stage, faint), *pixels)
        return run_ahead(cleaned if self.kept is None else _iter_kept(cleaned, self.kept), _STRIPS_AHEAD)

    def _iter_thresholded(self, source: ProbabilityRaster, stage: str, faint: float) -> Iterator[MaskStrip]:
        threshold = road_threshold(self.options, source) * (1.0 if source.is_mask else faint)
        # one byte per pixel, because memory grows with the strips
        for row, road, valid, levels in source.iter_levels(threshold):
            yield MaskStrip(row, road, valid, levels)
            self.report(Progress(stage, row + len(levels), source.grid.height, "rows"))


def road_threshold(options: VectorizeOptions, source: ProbabilityRaster) -> float:
    """Return the requested threshold, or the one recorded in the raster, or the default."""
    if options.threshold is not None:
        return options.threshold
    return DEFAULT_THRESHOLD if source.threshold is None else source.threshold


def made_by(options: VectorizeOptions, source: ProbabilityRaster) -> dict[str, str]:
    """Describe how roads are made from a raster, for the metadata of files: version, model and threshold, if known."""
    threshold = source.threshold if source.is_mask else road_threshold(options, source)
    known = {"model": source.model, "threshold": "" if threshold is None else f"{threshold:g}"}
    return {"version": __version__, **{name: text for name, text in known.items() if text}}


def mask_tags(options: VectorizeOptions, source: ProbabilityRaster) -> dict[str, str]:
    """The same for the tags of a road mask, with what `ProbabilityRaster` needs to read it again."""
    made = made_by(options, source)
    names = {"version": MADE_BY_TAG, "model": MODEL_TAG, "threshold": THRESHOLD_TAG}
    return {names[name]: text for name, text in made.items()} | {TRUE_WIDTH_TAG: "yes" if source.true_width else "no"}


def _iter_kept(strips: Iterable[MaskStrip], sink: RasterSink) -> Iterator[MaskStrip]:
    for strip in strips:
        sink.write(np.where(strip.valid, strip.mask, NODATA).astype(np.uint8))
        yield strip
