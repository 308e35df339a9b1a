"""What is generated from what, and what the plugin repository asks for. Needs no QGIS."""

from __future__ import annotations

import ast
import configparser
import importlib
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
    assert generate.PALETTE.read_text(encoding="utf-8") == generate.to_palette()
    assert generate.REQUIREMENTS.read_text(encoding="utf-8") == generate.to_requirements()


def test_the_requirements_are_the_projects_without_tensorflow():
    lines = load("generate").REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    wanted = load("build_plugin").read_project()["dependencies"]
    assert {line for line in wanted if not line.startswith("tensorflow")} == {x for x in lines if not x.startswith("#")}
    assert any(line.startswith("tensorflow") for line in wanted)


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


def test_a_name_defined_in_two_modules_is_refused():
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
            assert name.split(".")[0] in {*sys.stdlib_module_names, "qgis", "processing", "osgeo"}
            assert not name.startswith("PyQt")


def test_annotations_of_later_pythons_are_never_evaluated():
    for path in IN_QGIS:
        assert "from __future__ import annotations" in path.read_text(encoding="utf-8"), path


def test_bandit_reports_nothing():
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
    assert {
        "__init__.py",
        "metadata.txt",
        "LICENSE",
        "icon.png",
        "inference-requirements.txt",
        "road_extract_de.qm",
    } <= {name.split("/")[1] for name in names}
    assert all(name.endswith((".py", ".png", ".qm", ".svg", ".txt", "LICENSE")) for name in names)
    assert sum(entry.file_size for entry in packed.infolist()) < 25e6
    assert packed.read("road_extract_qgis/LICENSE") == (REPOSITORY / "LICENSE").read_bytes()
    assert packed.read("road_extract_qgis/icon.png").startswith(b"\x89PNG")


def test_the_metadata_is_the_projects(packed):
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read_string(packed.read("road_extract_qgis/metadata.txt").decode())
    found, project = metadata["general"], load("build_plugin").read_project()
    assert found["version"] == project["version"]
    assert found["hasprocessingprovider"] == "yes"
    assert found["qgismaximumversion"] == "4.99"
    assert "plugin" not in found["name"].lower()
    assert "road-extract" in found["changelog"] or "road_extract" in found["changelog"] or len(found["changelog"]) > 100
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


def test_a_release_is_refused_with_a_sentence_until_the_owner_has_filled_in_pages_and_address():
    build = load("build_plugin")
    missing = build.find_missing(build.to_metadata(build.read_project()))
    done = subprocess.run([sys.executable, build.__file__], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not missing)
    if missing:
        assert f"plugins.qgis.org refuses a plugin without {', '.join(missing)}: in pyproject.toml" in done.stderr


def test_the_german_translation_is_complete():
    """A new option of the package may wait for its German text; the plugin's own texts may not."""
    translate = load("translate")
    known = translate.read_translations(translate.TRANSLATIONS / "road_extract_de.ts")
    texts = translate.collect()
    own = {text for text in texts if not text.startswith(("label:", "help:"))}
    assert own - known.keys() == set(), "make qgis, then translate what is unfinished in qgis/translations"
    assert len(texts.keys() & known.keys()) >= 0.8 * len(texts)
    for text, german in known.items():
        assert text.count("{}") == german.count("{}"), text


def test_qt_6_reads_the_compiled_translation(packed, tmp_path):
    core = pytest.importorskip("PyQt6.QtCore")
    translate, path = load("translate"), tmp_path / "road_extract_de.qm"
    path.write_bytes(packed.read("road_extract_qgis/road_extract_de.qm"))
    translator = core.QTranslator()
    assert translator.load(str(path))
    for text, german in translate.read_translations(translate.TRANSLATIONS / "road_extract_de.ts").items():
        if text.isascii():  # PyQt's limit for this method; QCoreApplication.translate has none
            assert translator.translate("RoadExtract", text) == german
    assert not translator.translate("RoadExtract", "no such text")


#: Modules of the plugin that Qt is used in.
QT_USERS = [path for path in sorted(PLUGIN.glob("*.py")) if "qgis.PyQt" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", QT_USERS, ids=lambda path: path.name)
def test_every_name_and_enum_of_qt_is_there_in_qt_6(path):
    """Qt 6 has scoped enums only, so that this fails on an unscoped one, too."""
    pytest.importorskip("PyQt6.QtCore")
    for chain in find_qt_names(path.read_text(encoding="utf-8")):
        found = importlib.import_module(f"PyQt6.{chain[0]}")
        for part in chain[1:]:
            assert hasattr(found, part), ".".join(chain)
            found = getattr(found, part)


def find_qt_names(text: str) -> list[list[str]]:
    """``["QtCore", "Qt", "ConnectionType", "DirectConnection"]`` for each use of a name that Qt gave."""
    tree, homes = ast.parse(text), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis.PyQt."):
            homes |= {alias.asname or alias.name: node.module.split(".")[-1] for alias in node.names}
    chains = [[home, name] for name, home in homes.items()]
    for node in ast.walk(tree):
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name) and node.id in homes:
            chains.append([homes[node.id], node.id, *parts])
    return chains


def test_an_unscoped_enum_and_a_name_that_moved_are_found():
    pytest.importorskip("PyQt6.QtCore")
    import PyQt6.QtCore
    import PyQt6.QtWidgets

    text = "from qgis.PyQt.QtCore import Qt\nfrom qgis.PyQt.QtWidgets import QAction\nside = Qt.Horizontal\n"
    assert ["QtCore", "Qt", "Horizontal"] in find_qt_names(text)
    assert not hasattr(PyQt6.QtCore.Qt, "Horizontal")
    assert not hasattr(PyQt6.QtWidgets, "QAction")


def test_the_same_files_give_the_same_zip(packed, tmp_path):
    build = load("build_plugin")
    build.write_zip(tmp_path / "again.zip", build.to_metadata(build.read_project()))
    assert (tmp_path / "again.zip").read_bytes() == (REPOSITORY / "build" / "road_extract_qgis.zip").read_bytes()


@pytest.mark.parametrize("path", IN_QGIS, ids=lambda path: path.name)
def test_enums_of_qgis_are_scoped_too(path):
    """``QgsMapLayer.VectorLayer`` is an enum's value; ``QgsMapLayer.LayerType.VectorLayer`` and classes are fine."""
    assert find_unscoped(path.read_text(encoding="utf-8")) == []


def find_unscoped(text: str) -> list[str]:
    tree = ast.parse(text)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id.startswith("Qgs"):
            parent = parents[node]
            goes_on = isinstance(parent, ast.Attribute)
            called = isinstance(parent, ast.Call) and parent.func is node
            if re.match(r"[A-Z][a-z]", node.attr) and not goes_on and not called:
                found.append(f"{node.value.id}.{node.attr}")
    return found


def test_an_unscoped_enum_of_qgis_is_found():
    text = (
        "a = QgsMapLayer.VectorLayer\nb = QgsMapLayer.LayerType.VectorLayer\nc = QgsProcessingContext.LayerDetails(1)\n"
    )
    assert find_unscoped(text) == ["QgsMapLayer.VectorLayer"]
