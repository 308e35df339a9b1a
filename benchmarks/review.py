"""Measure review pages: their size, the time to write them, and what they take in Chromium.

    python benchmarks/review.py [--lines 10 1000 10000] [--scene SCENE]

The scene is a random one of 4,096 px, because noise is the worst that a picture can be; the lines are streets of a
made-up town. Load time ends when the page has drawn everything; a frame is one redraw of the whole town while it moves.
Needs chromium and chromium-driver, and the package selenium.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from pyproj import CRS
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from road_extract import write_report
from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector import write_features
from road_extract.roads.features import LINE_FIELDS

SIZE_PX = 4096
UTM = CRS.from_epsg(32611)
PLACE = Affine(1.0, 0.0, 500_000.0, 0.0, -1.0, 4_000_000.0)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1400,900")  # fmt: skip


def write_town(path: Path, count: int, rng: np.random.Generator) -> None:
    """Write lines of about a dozen vertices, as long as the blocks of a town with that many streets."""
    length = SIZE_PX / np.sqrt(count) * 1.2
    schema = LayerSchema("road_lines", "LineString", UTM.to_wkt(), LINE_FIELDS)
    write_features(path, schema, (_street(number, length, rng) for number in range(1, count + 1)))


def _street(number: int, length: float, rng: np.random.Generator) -> Feature:
    start, turn = rng.uniform(0, SIZE_PX, 2), rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.1)
    along = np.linspace(0, length, 12)
    bends = turn + np.cumsum(rng.normal(0, 0.06, 12))
    points = start + np.column_stack([along * np.cos(bends), along * np.sin(bends)])
    x, y = PLACE.c + points[:, 0], PLACE.f - points[:, 1]
    probability = round(float(rng.beta(5, 2)), 4)
    bridged = bool(rng.random() < 0.1)
    values = {
        "id": number, "length_m": round(length, 2), "probability": probability, "probability_min": probability / 2,
        "bridged": bridged, "confidence": round(float(rng.uniform(0.4, 1)), 4) if bridged else None, "component": 1,
        "from_node": number, "to_node": number + 1, "dead_end": bool(rng.random() < 0.2),
    }  # fmt: skip
    return Feature(shapely.LineString(np.column_stack([x, y])), values)


def write_noise(path: Path, rng: np.random.Generator) -> None:
    """Write a scene of noise, smoothed a little as imagery is."""
    pixels = rng.integers(0, 255, (3, SIZE_PX // 4, SIZE_PX // 4), np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    with rasterio.open(path, "w", driver="GTiff", height=SIZE_PX, width=SIZE_PX, count=3, dtype="uint8",
                       crs=UTM, transform=PLACE, tiled=True) as dataset:  # fmt: skip
        dataset.write(pixels)


def open_browser(folder: Path) -> Chrome:
    """Open a headless Chromium with a fresh profile."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    return Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def measure_page(page: Path) -> tuple[float, float, float]:
    """Seconds to load, milliseconds of a frame while moving, and of a frame at rest, each for the whole view."""
    with tempfile.TemporaryDirectory() as profile:
        browser = open_browser(Path(profile))
        try:
            started = time.perf_counter()
            browser.get(page.as_uri())
            browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
            loaded = time.perf_counter() - started
            return loaded, _frames(browser, moving=True), _frames(browser, moving=False)
        finally:
            browser.quit()


def _frames(browser: Chrome, *, moving: bool) -> float:
    # reading a pixel waits until everything is drawn
    script = """
        const map = roadReview.map, times = [];
        map.showAll();
        for (let n = 0; n < 15; n++) {
            const started = performance.now();
            map.moving = arguments[0];
            map.paint();
            map.context.getImageData(0, 0, 1, 1);
            times.push(performance.now() - started);
        }
        return times;"""
    times: list[float] = browser.execute_script(script, moving)
    return statistics.median(times[3:])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[10, 1_000, 10_000])
    parser.add_argument("--scene", type=Path, help="scene to show instead of noise; the lines will not lie on it")
    parser.add_argument("--keep", type=Path, help="keep the pages in this folder")
    given = parser.parse_args()
    print(f"{'lines':>7}{'page':>10}{'written in':>12}{'loaded in':>11}{'moving':>12}{'at rest':>12}")
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        place.mkdir(exist_ok=True)
        rng = np.random.default_rng(1)
        scene = given.scene or place / "noise.tif"
        if given.scene is None:
            write_noise(scene, rng)
        for count in given.lines:
            roads, page = place / f"{count}.gpkg", place / f"{count}.html"
            write_town(roads, count, rng)
            started = time.perf_counter()
            write_report(scene, roads, page, overwrite=True)
            written = time.perf_counter() - started
            loaded, moving, resting = measure_page(page)
            size = page.stat().st_size / 1e6
            print(f"{count:>7,}{size:>7.2f} MB{written:>10.2f} s{loaded:>9.2f} s{moving:>9.1f} ms{resting:>9.1f} ms")


if __name__ == "__main__":
    main()
