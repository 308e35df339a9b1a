"""Other ways in: rasterio's `rio`, shells, notebooks."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import geopandas
import nbformat
import numpy as np
import pytest
from click.testing import CliRunner
from nbclient import NotebookClient

from road_extract import InputError, VectorizeOptions, vectorize_roads
from road_extract.base.grid import RasterGrid
from road_extract.cli import COMMANDS, run
from road_extract.io.raster import open_probability_sink
from tests.helpers.paths import REPOSITORY
from tests.helpers.scenes import UTM

CRS = geopandas.GeoSeries(crs="EPSG:32611").crs.to_wkt()


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    rows = np.zeros((200, 260), np.uint8)
    rows[95:103], rows[:, 120:128] = 240, 240
    rows[20:50, 20:60] = 250
    rows[30:40, 30:50] = 0
    with open_probability_sink(tmp_path / "p.tif", RasterGrid(200, 260, UTM, CRS), {}) as sink:
        sink.write(rows)
    return tmp_path / "p.tif"


# ---- rio


def rio_with_plugin():
    from rasterio.rio.main import main_group

    points = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]
    point = importlib.metadata.EntryPoint("roads", points["rasterio.rio_plugins"]["roads"], "rasterio.rio_plugins")
    main_group.add_command(point.load())
    return main_group


def test_rio_roads_extracts_roads(tmp_path, write_scene, identity_model):
    pixels = np.zeros((3, 240, 240), np.uint8)
    pixels[:, 100:112] = 200
    scene, out = write_scene(pixels), tmp_path / "r.geojson"
    done = CliRunner().invoke(rio_with_plugin(), ["roads", str(scene), str(out)])
    assert done.exit_code == 0, done.output
    assert len(geopandas.read_file(out)) == 1


def test_rio_roads_shows_an_error_as_rio_does(tmp_path, identity_model):
    done = CliRunner().invoke(rio_with_plugin(), ["roads", "nothing.tif", str(tmp_path / "r.geojson")])
    assert done.exit_code == 1
    assert done.output.splitlines()[-1].startswith("Error: nothing.tif")


# ---- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_where_the_shell_looks(tmp_path, monkeypatch, capsys, shell):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    assert run(["completion"]) == 0
    said = capsys.readouterr().out
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert str(path) in said
    assert run(["completion", shell, "--print"]) == 0
    assert capsys.readouterr().out.strip() == path.read_text().strip()
    if shutil.which(shell):
        subprocess.run([shell, "-n", path], check=True)


def test_an_unknown_shell_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run(["completion"]) == 1
    assert "the shell tcsh is not supported" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_and_options(tmp_path, capsys):
    run(["completion", "bash", "--print"])
    script = capsys.readouterr().out
    program = tmp_path / "road-extract"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m road_extract "$@"\n')
    program.chmod(0o755)
    ask = """
        COMP_WORDS=(road-extract {words}); COMP_CWORD={last}
        _road_extract_completion road-extract
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}
    for words, last, expected in (("ex", 1, {"extract", "export"}), ("extract --thr", 2, {"--threshold", "--threads"})):
        command = script + ask.format(words=words, last=last)
        done = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True, check=True)
        assert set(done.stdout.split()) == expected, done.stderr
    assert "completion" in COMMANDS


# ---- notebooks


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".geojson", ".fgb"])
@pytest.mark.parametrize("geometry", ["polygons", "lines", "both"])
def test_what_was_written_becomes_a_geodataframe(tmp_path, raster, suffix, geometry):
    done = vectorize_roads(raster, tmp_path / f"r{suffix}", options=VectorizeOptions(geometry=geometry))
    for name, kind in (("polygons", "Polygon"), ("lines", "LineString")):
        if geometry in (name, "both"):
            frame = done.to_geodataframe(name)
            assert set(frame.geom_type) == {kind}
            assert len(frame) == getattr(done, name)
        else:
            with pytest.raises(InputError, match=f"has no {name}"):
                done.to_geodataframe(name)
    assert len(done.to_geodataframe()) == (done.lines if geometry == "lines" else done.polygons)


@pytest.mark.parametrize("geometry", ["polygons", "lines", "both"])
def test_a_notebook_shows_a_map_and_a_table(tmp_path, raster, geometry):
    done = vectorize_roads(raster, tmp_path / "r.gpkg", options=VectorizeOptions(geometry=geometry))
    root = ElementTree.fromstring(done._repr_html_())
    svg = root.find("{http://www.w3.org/2000/svg}svg")
    paths = svg.findall("{http://www.w3.org/2000/svg}path")
    assert len(paths) == (2 if geometry == "both" else 1)
    assert all(path.get("d").startswith("M") for path in paths)
    cells = [cell.text for cell in root.iter("td")]
    assert str(done.path) in cells
    assert "WGS 84 / UTM zone 11N" in cells


def test_the_map_of_a_notebook_has_holes_and_north_up(tmp_path, raster):
    done = vectorize_roads(raster, tmp_path / "r.gpkg")
    root = ElementTree.fromstring(done._repr_html_())
    data = root.find(".//{http://www.w3.org/2000/svg}path").get("d")
    rings = sum(1 + len(shape.interiors) for shape in done.to_geodataframe().geometry)
    assert data.count("M") == data.count("Z") == rings > done.polygons
    x, y = np.array([pair.split() for pair in re.findall(r"[-.\d]+ [-.\d]+", data)], float).T
    # the raster has 260 columns and 200 rows, and its only shape beside the cross lies in the north-west
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((0, 360, 0, 360 * 200 / 260), abs=2)
    lonely = (x > 5) & (x < 120 / 260 * 360 - 5)
    assert y[lonely].min() < 50
    assert y[lonely].max() < 180


def test_a_notebook_shows_the_table_if_the_file_is_gone_or_not_for_geopandas(tmp_path, raster):
    done = vectorize_roads(raster, tmp_path / "r.osm", options=VectorizeOptions(geometry="lines"))
    with pytest.raises(InputError, match="cannot read this format"):
        done.to_geodataframe()
    (tmp_path / "r.osm").unlink()
    assert "<svg" not in done._repr_html_()
    assert "r.osm" in done._repr_html_()


@pytest.mark.slow
def test_the_map_appears_in_a_real_notebook(tmp_path, raster):
    code = (
        "from road_extract import vectorize_roads\n"
        f"done = vectorize_roads({str(raster)!r}, {str(tmp_path / 'r.gpkg')!r})\ndone"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), "IPYTHONDIR": str(tmp_path / "ipython")}
    NotebookClient(book, timeout=120, kernel_name="python3").execute(env=environ)
    (output,) = book.cells[0].outputs
    assert "<svg" in output["data"]["text/html"]
