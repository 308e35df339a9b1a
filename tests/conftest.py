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

pytest_plugins = ["tests.helpers.s3", "tests.helpers.stores"]

# as the program does, before any test imports TensorFlow
load_drivers()

# build machines are sometimes slow, and a test should not fail because of that
settings.register_profile("road_extract", deadline=None)
settings.load_profile("road_extract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow tests, and with them their files, first: no process is left alone with a long file at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests from reading or writing the user's cache folder; all processes of one run share another."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if hasattr(request.config, "workerinput") else folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROAD_EXTRACT_CACHE", str(shared / "cache"))
        yield


@pytest.fixture(autouse=True)
def _console_ends() -> Iterator[None]:
    """Remove the log handlers of commands run in this process, whose stdout is closed after the test."""
    yield
    logging.getLogger("road_extract").handlers = []


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"needs the imagery in {SHARED}")
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


@pytest.fixture
def identity_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder with `IdentityBackend` that replaces the shipped model."""
    folder = write_model(tmp_path / "identity")
    monkeypatch.setattr(setup, "shipped_model", lambda: folder)
    use_backend(monkeypatch, IdentityBackend)
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)
