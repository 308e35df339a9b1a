"""Roads as a stream of Arrow batches, for Python programs that do not need an intermediate file."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

from road_extract.base.concurrency import run_ahead
from road_extract.base.errors import InputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.base.options import LineOptions, PredictOptions, VectorizeOptions
from road_extract.base.progress import Report, no_report
from road_extract.io.raster import ProbabilityRaster, gdal_session
from road_extract.io.vector import to_frame, to_reader
from road_extract.pipeline.flow import predict_probability
from road_extract.pipeline.masking import MaskRun, made_by
from road_extract.pipeline.setup import PathLike
from road_extract.pipeline.vectorizing import iter_road_polygons, trace_roads

#: Number of features that may wait for the reader.
_AHEAD = 1_000


class _Folder:
    """A temporary folder that is removed when nobody refers to it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="road_extract-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class RoadStream:
    """Road polygons or road lines that can be read once, while they are made.

    Any library that reads Arrow's C stream interface takes it: ``geopandas.GeoDataFrame.from_arrow``,
    ``pyarrow.RecordBatchReader.from_stream``, DuckDB, Polars and others. If you may not read it to its
    end, use it in a ``with`` statement or close it.
    """

    def __init__(
        self, schema: LayerSchema, features: Generator[Feature, None, None], kept: _Folder | None = None
    ) -> None:
        self._schema = schema
        self._features: Generator[Feature, None, None] | None = features
        self._kept = kept

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export as an Arrow stream (arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).

        Raises:
            InputError: If it was read before.
        """
        return to_reader(self._schema, self._take()).__arrow_c_stream__(requested_schema)

    def to_geodataframe(self) -> Any:
        """Read all roads into a ``geopandas.GeoDataFrame`` in the CRS of the raster.

        Raises:
            RoadExtractError: If it was read before, or the raster cannot be read.
        """
        return to_frame(self._schema, self._take())

    def _take(self) -> Iterator[Feature]:
        if self._features is None:
            raise InputError("these roads were already read; a stream can be read only once")
        features, self._features = self._features, None
        return _drain(features, self._kept)

    def close(self) -> None:
        """Stop making roads that nobody reads."""
        if self._features is not None:
            self._features.close()
        self._features = self._kept = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()


def extract_arrow(
    scene: PathLike,
    *,
    predict: PredictOptions | None = None,
    vectorize: VectorizeOptions | None = None,
    lines: LineOptions | None = None,
    report: Report = no_report,
) -> RoadStream:
    """Extract the roads of a scene as a stream: like `extract_roads`, without a file of roads.

    The probability, on which the roads are based, is a raster in the system's folder for temporary files.

    Args:
        scene: Any raster that GDAL opens.
        predict: How probabilities are made.
        vectorize: How polygons or lines are made from them; not both at once.
        lines: Further options for lines.
        report: Called with the progress.

    Raises:
        RoadExtractError: With a message that says what to do. Nothing is left behind.
    """
    _check_one(vectorize)
    folder = _Folder()
    raster = predict_probability(scene, folder.path / "probability.tif", options=predict, report=report)
    stream = vectorize_arrow(raster, options=vectorize, lines=lines, report=report)
    stream._kept = folder
    return stream


def vectorize_arrow(
    raster: PathLike,
    *,
    options: VectorizeOptions | None = None,
    lines: LineOptions | None = None,
    assume_crs: str | None = None,
    report: Report = no_report,
) -> RoadStream:
    """Turn a probability raster or a mask into a stream of roads: like `vectorize_roads`, without a file of roads.

    Args:
        raster: As for `vectorize_roads`.
        options: How polygons or lines are made; not both at once.
        lines: Further options for lines.
        assume_crs: CRS of a raster that has none.
        report: Called with the progress.

    Raises:
        RoadExtractError: With a message that says what to do.
    """
    from road_extract.roads.features import line_schema, polygon_schema

    options = _check_one(options)
    with gdal_session(), ProbabilityRaster(str(raster), assume_crs) as source:
        crs, made, widths = source.grid.crs, made_by(options, source), source.true_width
    is_lines = options.geometry == "lines"
    schema = line_schema(crs, made, widths=widths) if is_lines else polygon_schema(crs, made)
    # all of GDAL's work happens in one thread, whichever threads the reader uses
    features = _iter_features(str(raster), assume_crs, MaskRun(options, None, report), lines or LineOptions())
    return RoadStream(schema, run_ahead(features, _AHEAD))


def _check_one(options: VectorizeOptions | None) -> VectorizeOptions:
    options = options or VectorizeOptions()
    if options.geometry == "both":
        raise InputError("a stream has one geometry; choose polygons or lines, or write both to a file")
    return options


def _drain(features: Generator[Feature, None, None], kept: _Folder | None) -> Iterator[Feature]:
    """Pass features on, and keep their raster until the last one."""
    with closing(features):
        yield from features


def _iter_features(
    raster: str, assume_crs: str | None, masks: MaskRun, lines: LineOptions
) -> Generator[Feature, Any, None]:
    from road_extract.roads.features import iter_line_features

    with gdal_session(), ExitStack() as stack:
        source = stack.enter_context(ProbabilityRaster(raster, assume_crs))
        stack.enter_context(gdal_session(source.cache_bytes))
        if masks.options.geometry == "polygons":
            yield from stack.enter_context(closing(iter_road_polygons(source, masks)))
        else:
            network = trace_roads(source, lines, masks)
            yield from iter_line_features(network, source.grid.crs, widths=source.true_width)
