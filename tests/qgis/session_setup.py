"""Runs in QGIS's own Python, as `session.py` does: sets road extraction up from the wheels that WHEELS names.

Where the caller can, it takes the network away before.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from unittest.mock import patch

from qgis.core import QgsProcessingException, QgsSettings
from session import SAMPLES, WORK, Feedback, main

HOME = os.path.join(WORK, "Straßen & Wege, 道路")
WHEELS, PYTHON = os.environ["WHEELS"], os.environ["BASE_PYTHON"]
SETTING = "Processing/Configuration/ROAD_EXTRACT_PYTHON"
os.environ.pop("ROAD_EXTRACT_PYTHON", None)
os.environ["ROAD_EXTRACT_HOME"] = HOME
ENV = Path(HOME, "env")


def run(feedback=None, **more):
    import processing

    feedback, started = feedback or Feedback(), time.monotonic()
    arguments = {"ACTION": 0, "WHEELS": WHEELS, "PYTHON": PYTHON, **more}
    try:
        results, error = processing.run("road_extract:setup", arguments, feedback=feedback), ""
    except QgsProcessingException as found:
        results, error = {}, str(found)
    return {
        "results": results, "error": error, "said": feedback.said, "percents": feedback.percents,
        "seconds": time.monotonic() - started, "ready": (ENV / "road_extract_ready.json").is_file(),
        "there": ENV.exists(), "setting": QgsSettings().value(SETTING, ""),
    }  # fmt: skip


def network():
    """Whether there is any."""
    try:
        socket.create_connection(("192.0.2.1", 9), 2).close()
    except OSError as error:
        return {"error": str(error)}
    return {"error": ""}


def proxy_and_certificates():
    """QGIS's own settings reach pip."""
    from qgis.core import QgsApplication, QgsNetworkAccessManager
    from road_extract_qgis.network import network_variables

    settings, folder = QgsSettings(), os.path.join(WORK, "certificates")
    plain = network_variables(folder)
    values = {"Enabled": True, "Type": "HttpProxy", "Host": "proxy.example.org", "Port": "3128", "User": "me"}
    for name, value in {**values, "Password": "p@ss"}.items():
        settings.setValue("proxy/proxy" + name, value)
    settings.setValue("proxy/proxyExcludedUrls", ["https://intern.example.org/pypi"])
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
    manager = QgsApplication.authManager()
    manager.storeCertAuthority(manager.systemRootCAs()[0])
    manager.rebuildCaCertsCache()
    found = network_variables(folder)
    settings.remove("proxy")
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
    text = Path(found["PIP_CERT"]).read_text() if "PIP_CERT" in found else ""
    return {"plain": plain, "found": found, "certificates": text.count("BEGIN CERTIFICATE")}


def no_python():
    return run(PYTHON="/nowhere/python3")


def old_python():
    """A program that says it is Python 3.9."""
    return run(PYTHON=script("python3.9", '[[3, 9], true, "/usr/bin/python3.9", true]'))


def no_venv():
    """As Debian's without python3-venv; uv, which the machine may have, would do without."""
    from road_extract_qgis import environment

    with patch.object(environment, "find_uv", return_value=None):
        return run(PYTHON=script("python3.12", '[[3, 12], true, "/usr/bin/python3.12", false]'))


def script(name, says):
    path = Path(WORK, name)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def no_wheels():
    return run(WHEELS=SAMPLES)


def foreign_folder():
    """Something else lies where the environment would go."""
    home = Path(WORK, "foreign")
    (home / "env").mkdir(parents=True)
    (home / "env" / "thesis.txt").write_text("precious", encoding="utf-8")
    found = run(FOLDER=str(home), ACTION=3)
    return {**found, "kept": (home / "env" / "thesis.txt").is_file()}


class Impatient(Feedback):
    """Cancels when something is said."""

    def __init__(self, words):
        super().__init__()
        self.words = words

    def pushInfo(self, text):
        super().pushInfo(text)
        if self.words in text:
            self.cancel()


def interrupted():
    return run(Impatient("Installing collected packages"))


def resumed():
    return run()


def again():
    """Everything is there."""
    return run()


def extract():
    """With nothing named: the setting says where."""
    import processing

    arguments = {"INPUT": os.path.join(SAMPLES, "vegas_utm.tif"), "OUTPUT": os.path.join(WORK, "roads.gpkg")}
    feedback = Feedback()
    results = processing.run("road_extract:extractroads", arguments, feedback=feedback)
    return {"count": results["COUNT"], "said": feedback.said}


def damaged():
    """A package goes missing; setting up again notices, and begins to make everything anew."""
    import shutil

    shutil.rmtree(next(ENV.glob("lib/python3*/site-packages/shapely")))
    return run(Impatient("-m venv --clear"))


def packages():
    return {"names": sorted(path.name for path in next(ENV.glob("lib/python3*/site-packages")).iterdir())}


def removed():
    return run(ACTION=3)


if __name__ == "__main__":
    refused = (no_python, old_python, no_venv, no_wheels, foreign_folder)
    main((network, proxy_and_certificates, *refused, interrupted, resumed, packages, again, extract, damaged, removed))
