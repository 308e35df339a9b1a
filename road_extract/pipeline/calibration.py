"""Prepares a model for 8-bit inference: runs it on real tiles and records the ranges of its feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import InputError
from road_extract.base.options import PredictOptions
from road_extract.io.raster.unplaced import place_if_unplaced
from road_extract.models import read_spec, write_int8_ranges
from road_extract.pipeline.setup import PathLike, open_scene
from road_extract.prediction.preprocess import pad_to, to_model_input

#: Number of tiles to run. With more tiles, the ranges hardly change.
TILES = 120


def quantize_model(
    model: PathLike,
    scenes: Sequence[PathLike],
    *,
    assume_crs: str | None = None,
    bands: tuple[int, ...] | None = None,
    nodata: str | None = None,
    subdataset: str | None = None,
    seed: int = 0,
) -> int:
    """Write ``int8.json`` into a model folder, with NNCF's post-training quantization.

    Args:
        model: Model folder.
        scenes: Imagery typical for the model; `TILES` random tiles of it are used.
        assume_crs: CRS of scenes that have none.
        bands: See `PredictOptions`, as for the next two.
        nodata: See there.
        subdataset: See there.
        seed: Random seed.

    Returns:
        Number of feature maps that are quantized to 8 bits.

    Raises:
        InputError: If a scene or the model cannot be used.
        BackendError: If OpenVINO or NNCF cannot be imported.
    """
    from road_extract.models.backends.openvino import build_openvino
    from road_extract.models.backends.openvino_int8 import measure_ranges

    options = PredictOptions(model=str(model), assume_crs=assume_crs, bands=bands, nodata=nodata, subdataset=subdataset)
    model, rng = Path(model), np.random.default_rng(seed)
    share = -(-TILES // max(1, len(scenes)))
    tiles = [tile for scene in scenes for tile in _draw(Path(scene), share, options, rng)]
    if not tiles:
        raise InputError("quantize: the scenes contain no tile with valid pixels")
    ranges = measure_ranges(build_openvino(model, 1), tiles)
    write_int8_ranges(model, ranges, f"nncf {version('nncf')}, openvino {version('openvino')}")
    return len(ranges)


def _draw(scene: Path, count: int, options: PredictOptions, rng: np.random.Generator) -> list[Float32Array]:
    """Draw some of the tiles that `predict` would run."""
    spec = read_spec(Path(str(options.model)))
    tiles = []
    # only pixels matter here, so a scene does not need georeferencing
    name = place_if_unplaced(scene, spec.gsd_m, assume_crs=options.assume_crs, subdataset=options.subdataset)
    if name != str(scene):  # the VRT leads to the raster that was chosen
        options = replace(options, subdataset=None)
    with open_scene(name, options) as setup:
        setup.log_remarks()
        windows, grid = list(setup.plan), setup.source.grid
        for index in rng.permutation(len(windows))[:count]:
            pixels, valid = setup.source.read(windows[index].clipped(grid.height, grid.width))
            if valid.any():
                tiles.append(pad_to(to_model_input(pixels, valid, setup.scaling, spec), spec.tile_size_px))
    return tiles
