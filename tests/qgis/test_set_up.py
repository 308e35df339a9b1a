"""*Set up road extraction* in the real QGIS: from a folder of wheels, without network, on a path that is no ASCII."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import SAMPLES
from tests.qgis.conftest import QGIS_FOLDER, SYSTEM_PYTHON

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """`make qgis-bundle`: pip's cache makes it quick the second time."""
    folder = tmp_path_factory.mktemp("bundle") / "Räder"
    build = [sys.executable, str(QGIS_FOLDER / "build_bundle.py"), "--out", str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    shutil.rmtree(folder)


def base_python() -> str:
    """Not the virtual environment's."""
    return str(getattr(sys, "_base_executable", sys.executable))


def without_network() -> list[str]:
    """A program that takes the network away, where the system lets us; else a proxy that is not there has to do."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        ):
            return command
    return []


@pytest.fixture(scope="module")
def set_up(qgis, bundle, tmp_path_factory):
    """What `session_setup.py` saw."""
    work = tmp_path_factory.mktemp("set up")
    helper, seen = Path(__file__).with_name("session_setup.py"), work / "seen.json"
    nowhere = "http://127.0.0.1:9"
    done = qgis.start(
        [*without_network(), SYSTEM_PYTHON, *map(str, (helper, work, SAMPLES, "none", seen))],
        WHEELS=str(bundle), BASE_PYTHON=base_python(),
        HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, http_proxy=nowhere, https_proxy=nowhere,
    )  # fmt: skip
    assert seen.is_file(), done.stdout + done.stderr
    found = json.loads(seen.read_text(encoding="utf-8"))
    for name, result in found.items():
        assert "traceback" not in result, f"{name}: {result['traceback']}"
    return work, found


def test_there_is_no_network(set_up):
    if without_network():
        assert set_up[1]["network"]["error"]


def test_proxy_and_certificates_are_taken_from_qgis(set_up):
    seen = set_up[1]["proxy_and_certificates"]
    assert seen["plain"] == {}
    found = seen["found"]
    assert found["HTTPS_PROXY"] == found["https_proxy"] == "http://me:p%40ss@proxy.example.org:3128"
    assert found["NO_PROXY"] == "intern.example.org"
    assert found["PIP_CERT"] == found["SSL_CERT_FILE"]
    assert seen["certificates"] > 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate is not trusted here"),
        ("OSError('Tunnel connection failed: 407 Proxy Authentication Required')", "the proxy does not let"),
        ("NewConnectionError('<pip._vendor...>: Failed to establish a new connection", "cannot be reached"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for road-extract==0.1.0", "is not on the package index"),
        ("ERROR: No matching distribution found for openvino>=2025.0", "has no openvino for this Python and system"),
        ("Segmentation fault", "the installation failed (Segmentation fault): set up again, or choose Repair"),
    ],
)
def test_errors_of_pip_become_one_message(line, words):
    from road_extract_qgis.environment import SetupOptions, explain_failure, hide_passwords

    said = explain_failure(["Collecting numpy", line], SetupOptions())
    assert words in said
    assert "\n" not in said
    assert hide_passwords("via http://me:secret@proxy:1/ and") == "via http://***@proxy:1/ and"


REFUSALS = {
    "no_python": "/nowhere/python3 is not a working 64-bit Python: choose another one, or leave the choice empty",
    "old_python": "is Python 3.9, but 3.11 or newer is needed: choose another one",
    "no_venv": "cannot create virtual environments: install its venv module (Debian, Ubuntu: sudo apt install",
    "no_wheels": "contains no wheels (*.whl): choose the folder that make qgis-bundle wrote",
    "foreign_folder": "was not created by this set-up: move it elsewhere",
}


@pytest.mark.parametrize("case", REFUSALS)
def test_impossible_set_ups_give_a_message_and_the_location_of_the_log(set_up, case):
    refused = set_up[1][case]
    assert REFUSALS[case] in refused["error"]
    assert refused["error"].endswith("setup.log")
    assert not refused["ready"]


def test_nothing_that_is_not_ours_is_removed(set_up):
    assert set_up[1]["foreign_folder"]["kept"]


def test_an_interrupted_set_up_is_not_taken_for_a_complete_one(set_up):
    interrupted = set_up[1]["interrupted"]
    assert interrupted["error"] == ""
    assert interrupted["there"]
    assert not interrupted["ready"]
    assert not interrupted["setting"]
    assert any("go on" in line for line in interrupted["said"])


def test_it_is_resumed_checked_and_remembered_without_a_network(set_up):
    resumed = set_up[1]["resumed"]
    assert resumed["error"] == ""
    assert resumed["ready"]
    assert resumed["setting"] == resumed["results"]["INTERPRETER"]
    assert "/Straßen & Wege, 道路/env/bin/python" in resumed["setting"]
    assert any(line.startswith("model ") and "OpenVINO" in line for line in resumed["said"])
    assert resumed["percents"] == sorted(resumed["percents"])
    assert resumed["percents"][-1] == 100


def test_the_whole_log_is_kept(set_up):
    log = Path(set_up[1]["resumed"]["results"]["LOG"])
    assert log.name == "setup.log"
    assert log.is_file()


def test_tensorflow_is_not_there(set_up):
    names = set_up[1]["packages"]["names"]
    assert "road_extract" in names
    assert not {"tensorflow", "keras"} & set(names)


def test_a_second_time_it_only_checks(set_up):
    again = set_up[1]["again"]
    assert again["error"] == ""
    assert "The environment is complete: checking it" in again["said"]
    assert not any(line.startswith("Installing collected") for line in again["said"])


def test_roads_are_extracted_without_specifying_a_python(set_up):
    extracted = set_up[1]["extract"]
    assert extracted["count"] > 2
    assert "道路/env/bin/python (the QGIS setting)" in extracted["said"][0]


def test_damage_is_found_and_everything_reinstalled(set_up):
    """As after an interruption; the test does not wait for the end of it."""
    damaged = set_up[1]["damaged"]
    assert damaged["error"] == ""
    assert not damaged["ready"]
    assert any("-m venv --clear" in line for line in damaged["said"])
    assert any("creating the environment again" in line for line in damaged["said"])


def test_remove_leaves_no_environment_and_no_setting(set_up):
    removed = set_up[1]["removed"]
    assert removed["error"] == ""
    assert not removed["there"]
    assert not removed["setting"]


def test_nothing_is_installed_into_the_python_of_qgis(qgis):
    done = qgis.start([SYSTEM_PYTHON, "-I", "-c", "import road_extract"])
    assert done.returncode != 0
