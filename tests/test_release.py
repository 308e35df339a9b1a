"""Releases: reproducible files that others accept, one version, recipes that agree with pyproject.toml."""

import configparser
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from rattler_build import Stage0Recipe

from road_extract.models import SHIPPED_MODELS
from tests.helpers.paths import REPOSITORY

sys.path.append(str(REPOSITORY / "packaging"))

import release

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_the_version_stands_in_pyproject_alone():
    version = PROJECT["version"]
    files = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout
    if not files:
        pytest.skip("needs a git checkout")
    generated = {"qgis/road_extract_qgis/metadata.txt", "qgis/road_extract_qgis/option_table.py",
                 "qgis/road_extract_script.py"}  # fmt: skip
    mentions = re.compile(rf"""(?i)version["']?\s*[:=]\s*["']?v?{re.escape(version)}\b""")
    found = set()
    for name in files.splitlines():
        path = REPOSITORY / name
        if path.suffix in (".py", ".toml", ".txt", ".cff", ".yaml", ".yml", ".cfg") and not name.startswith("tests/"):
            found |= {name} if mentions.search(path.read_text(encoding="utf-8")) else set()
    assert found - generated == {"pyproject.toml"}
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(REPOSITORY / "qgis" / "road_extract_qgis" / "metadata.txt", encoding="utf-8")
    assert metadata["general"]["version"] == version


@pytest.mark.parametrize("heading", ["## [9.9] - 2026-01-01", "## 9.9", "## [Unreleased]"])
def test_release_notes_are_the_section_of_the_changelog(heading):
    changelog = f"# Changelog\n\n{heading}\n\n### Added\n\n- A thing.\n\n## [0.1] - 2025-01-01\n\n- Old.\n"
    assert release.read_notes("9.9", changelog) == "# road_extract 9.9\n\n### Added\n\n- A thing.\n"


def test_a_release_without_notes_is_refused():
    with pytest.raises(SystemExit, match="no section for"):
        release.read_notes("9.9", "# Changelog\n\n## [0.1]\n\n- Old.\n")


@pytest.mark.slow
def test_two_builds_are_the_same_and_hold_everything(tmp_path, monkeypatch):
    """`build_twice` ends the program if the builds differ; here another time of the day and folder are tried too."""
    monkeypatch.setattr(release, "WORK", tmp_path / "work")
    monkeypatch.setattr(release, "DIST", tmp_path / "dist")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    files = release.build_twice()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    release.build(tmp_path / "elsewhere")
    for path in files:
        assert (tmp_path / "elsewhere" / path.name).read_bytes() == path.read_bytes()
    sdist, wheel = sorted(files, key=lambda path: path.suffix)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True)
    names = zipfile.ZipFile(wheel).namelist()
    parts = [f"{model}/{file}" for model in SHIPPED_MODELS for file in ("weights.npz", "spec.json", "int8.json")]
    assert {"road_extract/py.typed", *(f"road_extract/models/weights/{part}" for part in parts)} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    entries = next(name for name in names if name.endswith("entry_points.txt"))
    assert "[rasterio.rio_plugins]\nroads = road_extract.cli.rio:roads" in zipfile.ZipFile(wheel).read(entries).decode()
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "CITATION.cff",
        "CODE_OF_CONDUCT.md",
        "Dockerfile",
        "packaging/release.py",
        "tests/test_release.py",
    } <= inside
    release.try_wheel(wheel, light=True)


def test_the_conda_recipe_renders_and_asks_for_what_pyproject_asks_for(monkeypatch):
    monkeypatch.setenv("ROAD_EXTRACT_VERSION", PROJECT["version"])
    (rendered,) = Stage0Recipe.from_file(REPOSITORY / "packaging" / "conda" / "recipe.yaml").render()
    recipe = rendered.recipe.to_dict()
    assert recipe["package"] == {"name": "road-extract", "version": PROJECT["version"]}
    assert recipe["about"]["license"] == PROJECT["license"]
    python, *run = recipe["requirements"]["run"]
    assert python == f"python {PROJECT['requires-python']}"
    assert [requirement.replace(" ", "") for requirement in run] == PROJECT["dependencies"]


def test_the_dockerfile_has_no_finding_and_does_not_run_as_root():
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, REPOSITORY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    users = re.findall(r"^USER (\S+)", (REPOSITORY / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert users[-1:] == ["1000"]


def docker_works() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@pytest.mark.slow
def test_the_image_builds_and_extracts_roads(tmp_path):
    if not docker_works():
        pytest.skip("needs a running Docker")
    subprocess.run(["docker", "build", "-t", "road-extract-test", "."], cwd=REPOSITORY, check=True)
    tmp_path.chmod(0o777)
    command = ["docker", "run", "--rm", "-u", f"{os.getuid()}:{os.getgid()}", "-v", f"{tmp_path}:/data",
               "-v", f"{REPOSITORY / 'sample_tiles'}:/tiles:ro", "road-extract-test"]  # fmt: skip
    subprocess.run([*command, "extract", "/tiles/vegas_pan.tif", "roads.geojson"], check=True)
    assert '"Polygon"' in (tmp_path / "roads.geojson").read_text()
