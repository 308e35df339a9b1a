from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import settings
from numpy.typing import NDArray

from road_extract.base.native import load_drivers
from road_extract.models.spec import ModelSpec

# as the program does, before any test imports TensorFlow
load_drivers()

# build machines are sometimes slow, and a test should not fail because of that
settings.register_profile("road_extract", deadline=None)
settings.load_profile("road_extract")

REPOSITORY = Path(__file__).parents[1]
SAMPLES = REPOSITORY / "sample_tiles"
SHARED = REPOSITORY.parent / "shared" / "data"

#: UTM 11N, 1 m pixels, a sub-pixel origin.
UTM = Affine(1.0, 0.0, 665000.25, 0.0, -1.0, 4010000.75)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests from reading or writing the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROAD_EXTRACT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _console_ends() -> Iterator[None]:
    """Remove the log handlers of commands run in this process, whose stdout is closed after the test."""
    yield
    logging.getLogger("road_extract").handlers = []


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("needs the imagery in ../shared/data")
    return SHARED


@pytest.fixture
def write_scene(tmp_path: Path) -> Callable[..., Path]:
    """Write (bands, rows, cols) to a GeoTIFF. ``mask`` becomes an internal mask band; the rest goes to rasterio."""

    def write(pixels: NDArray[Any], name: str = "scene.tif", mask: NDArray[Any] | None = None, **profile: Any) -> Path:
        path = tmp_path / name
        settings = {"crs": "EPSG:32611", "transform": UTM} | profile
        bands, rows, cols = pixels.shape
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(
                path, "w", driver="GTiff", count=bands, height=rows, width=cols, dtype=pixels.dtype, **settings
            ) as dataset,
        ):
            dataset.write(pixels)
            if mask is not None:
                dataset.write_mask(mask)
        return path

    return write


class IdentityBackend:
    """Returns the first band of its input, so that any shift or scaling between input and output shows."""

    batch_size = 4
    in_flight = 2
    description = "identity"

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return batch[..., 0].copy()

    def close(self) -> None:
        pass


@pytest.fixture
def identity_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder with `IdentityBackend` that replaces the shipped model."""
    from road_extract.pipeline import flow, setup

    folder = tmp_path / "identity"
    folder.mkdir()
    spec = ModelSpec("identity", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), threshold=0.5)
    (folder / "spec.json").write_text(spec.to_json())
    (folder / "weights.npz").write_bytes(b"")
    monkeypatch.setattr(setup, "shipped_model", lambda: folder)
    monkeypatch.setattr(flow, "open_backend", lambda *args: IdentityBackend())
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)
