from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import settings
from numpy.typing import NDArray

from road_extract.base.native import load_drivers
from road_extract.pipeline import setup
from tests.helpers.backends import IdentityBackend, use_backend, write_model
from tests.helpers.paths import SHARED
from tests.helpers.scenes import UTM

pytest_plugins = ["tests.helpers.s3"]

# as the program does, before any test brings TensorFlow in
load_drivers()

# machines that build are slow now and then: a test is right or wrong, not fast
settings.register_profile("road_extract", deadline=None)
settings.load_profile("road_extract")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests leave nothing in the user's cache folder, and find nothing there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROAD_EXTRACT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _console_ends() -> Iterator[None]:
    """A command that ran in this process leaves no handler behind: its stdout is closed after the test."""
    yield
    logging.getLogger("road_extract").handlers = []


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"needs the imagery in {SHARED}")
    return SHARED


@pytest.fixture
def write_scene(tmp_path: Path) -> Callable[..., Path]:
    """Write (bands, rows, cols) as a GeoTIFF: ``mask`` becomes an internal mask band, the rest goes to rasterio."""

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


@pytest.fixture
def identity_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder whose backend is `IdentityBackend`, in the place of the shipped one."""
    folder = write_model(tmp_path / "identity")
    monkeypatch.setattr(setup, "shipped_model", lambda: folder)
    use_backend(monkeypatch, IdentityBackend)
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)
