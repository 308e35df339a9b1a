"""A headless Chromium of the system, which asks for nothing on its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

#: Continuous integration sets it: there, no Chromium is a failure.
REQUIRED = "ROAD_EXTRACT_REQUIRE_CHROMIUM"
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1300,900",
)  # fmt: skip


def find_chromium() -> tuple[str, str]:
    """The browser and its driver; without them, the test is skipped, or fails where they are required."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = pytest.fail if os.environ.get(REQUIRED) else pytest.skip
        missing("needs Chromium and its driver (apt-get install chromium chromium-driver)")
    return str(browser), str(driver)


def open_chromium(folder: Path) -> Iterator[Chrome]:
    """Open a browser with a fresh profile, whose downloads go to the folder."""
    browser, driver = find_chromium()
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def requested(chrome: Chrome) -> list[str]:
    """The addresses that pages have asked for since the last call."""
    events = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    found = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [url for url in found if not url.startswith(("data:", "blob:"))]
