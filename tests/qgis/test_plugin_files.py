"""What is generated from what, and what the plugin repository asks for. Needs no QGIS."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
import zipfile

import pytest

from road_extract.base.options import DiffOptions, LineOptions, PredictOptions, VectorizeOptions
from tests.helpers.paths import REPOSITORY
from tests.qgis.conftest import QGIS_FOLDER

PLUGIN = QGIS_FOLDER / "road_extract_qgis"
IN_QGIS = [*sorted(PLUGIN.glob("*.py")), QGIS_FOLDER / "road_extract_script.py"]


def load(name: str):
    sys.path.append(str(QGIS_FOLDER))
    return __import__(name)


def test_the_plugin_has_the_packages_options_and_the_script_the_plugins_code():
    """`make qgis` writes both."""
    generate = load("generate")
    assert generate.TABLE.read_text(encoding="utf-8") == generate.to_table()
    assert generate.SCRIPT.read_text(encoding="utf-8") == generate.to_script()


def test_the_table_holds_every_option():
    """By other means than it was made with."""
    table = load("road_extract_qgis.option_table").option_table.OPTIONS
    for cls in (PredictOptions, VectorizeOptions, LineOptions, DiffOptions):
        assert [row["name"] for row in table[cls.__name__]] == list(cls.__dataclass_fields__)
        for row in table[cls.__name__]:
            f = cls.__dataclass_fields__[row["name"]]
            assert row["default"] == f.default
            assert {key: row[key] for key in ("help", "unit", "low", "high", "choices")} == {
                key: f.metadata[key] for key in ("help", "unit", "low", "high", "choices")
            }


def test_a_name_of_two_modules_is_refused():
    generate, names = load("generate"), set()
    generate._check_names("A: int = 1\ndef b(): pass", names)
    with pytest.raises(ValueError, match="b is defined in two"):
        generate._check_names("class b: pass", names)
    with pytest.raises(ValueError, match="A is defined in two"):
        generate._check_names("A = 2", names)


@pytest.mark.parametrize("path", IN_QGIS, ids=lambda path: path.name)
def test_it_is_python_3_9_and_imports_qgis_and_the_standard_library_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] in {*sys.stdlib_module_names, "qgis", "processing"}
            assert not name.startswith("PyQt")


def test_annotations_of_later_pythons_are_never_evaluated():
    for path in IN_QGIS:
        assert "from __future__ import annotations" in path.read_text(encoding="utf-8"), path


def test_bandit_has_nothing_to_say():
    command = [sys.executable, "-m", "bandit", "--quiet", "--recursive", *map(str, IN_QGIS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for path in IN_QGIS:  # and every exception names what it excepts
        assert not re.search(r"nosec(?! B\d+)", path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def packed(plugins):
    return zipfile.ZipFile(REPOSITORY / "build" / "road_extract_qgis.zip")


def test_the_zip_is_what_the_plugin_repository_wants(packed):
    names = packed.namelist()
    assert {name.split("/")[0] for name in names} == {"road_extract_qgis"}
    assert {"__init__.py", "metadata.txt", "LICENSE", "icon.png"} <= {name.split("/")[1] for name in names}
    assert all(name.endswith((".py", ".png", ".svg", "metadata.txt", "LICENSE")) for name in names)
    assert sum(entry.file_size for entry in packed.infolist()) < 25e6
    assert packed.read("road_extract_qgis/LICENSE") == (REPOSITORY / "LICENSE").read_bytes()
    assert packed.read("road_extract_qgis/icon.png").startswith(b"\x89PNG")


def test_the_metadata_is_the_projects(packed):
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read_string(packed.read("road_extract_qgis/metadata.txt").decode())
    found, project = metadata["general"], load("build_plugin").read_project()
    assert found["version"] == project["version"]
    assert found["hasprocessingprovider"] == "yes"
    assert "plugin" not in found["name"].lower()
    committed = (PLUGIN / "metadata.txt").read_text(encoding="utf-8")
    assert f"\nversion={project['version']}\n" in committed


def test_pages_and_address_come_from_the_project_and_are_missed_where_it_has_none():
    build = load("build_plugin")
    project = build.read_project()
    assert set(build.find_missing(build.to_metadata({**project, "urls": {}}))) == {"email", "repository", "tracker"}
    full = project | {
        "authors": [{"name": "A", "email": "a@example.org"}],
        "urls": {"Repository": "https://example.org/r", "Issues": "https://example.org/i"},
    }
    metadata = build.to_metadata(full)
    assert build.find_missing(metadata) == []
    assert metadata["general"]["homepage"] == "https://example.org/r"


def test_the_same_files_give_the_same_zip(packed, tmp_path):
    build = load("build_plugin")
    build.write_zip(tmp_path / "again.zip", build.to_metadata(build.read_project()))
    assert (tmp_path / "again.zip").read_bytes() == (REPOSITORY / "build" / "road_extract_qgis.zip").read_bytes()
