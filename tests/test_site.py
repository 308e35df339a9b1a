"""The documentation site, as `make docs` builds it: strict, links that lead somewhere, and no foreign servers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import road_extract
from road_extract.cli import COMMANDS
from tests.helpers.paths import REPOSITORY

pytestmark = pytest.mark.slow

#: Links that a browser does not load by itself.
NOT_LOADED = {"canonical", "next", "prev", "license"}


class Document(HTMLParser):
    """What a page refers to.

    Attributes:
        ids: Anchors in the page.
        links: Where a reader can go from it.
        loaded: What a browser loads to show it.
        classes: Classes of all elements.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids, self.links, self.loaded, self.classes = set(), set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.ids.update(values[name] for name in ("id", "name") if name in values)
        self.classes.update(values.get("class", "").split())
        self.loaded.update(values[name] for name in ("src", "poster", "data") if name in values)
        self.loaded.update(part.split()[0] for part in values.get("srcset", "").split(",") if part.strip())
        self.loaded.update(re.findall(r"url\(['\"]?([^'\")]+)", values.get("style", "")))
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag == "link" and values.get("rel", "") not in NOT_LOADED:
            self.loaded.add(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder], cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def documents(site) -> dict[Path, Document]:
    return {path: Document(path) for path in site.rglob("*.html")}


def test_every_link_leads_to_a_page_and_to_a_place_in_it(site, documents):
    broken = []
    for path, document in documents.items():
        for link in document.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            start = site if url.path.startswith("/") else path.parent
            target = (start / unquote(url.path).lstrip("/")).resolve() if url.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (url.fragment and unquote(url.fragment) not in documents[target].ids):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken
    assert sum(len(document.links) for document in documents.values()) > 1000


def test_links_elsewhere_are_encrypted(documents):
    assert not [link for document in documents.values() for link in document.links if link.startswith("http://")]


def test_everything_that_a_page_loads_is_in_the_site(site, documents):
    missing = []
    for path, document in documents.items():
        for link in document.loaded:
            url = urlsplit(link)
            start = site if url.path.startswith("/") else path.parent
            here = not url.scheme and not url.netloc and (start / unquote(url.path).lstrip("/")).is_file()
            if not here and url.scheme != "data":
                missing.append(f"{path.relative_to(site)}: {link}")
    assert not missing


def test_no_style_loads_from_a_server(site):
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        loaded = re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")]+)", text)
        assert not loaded, style.name


def test_no_page_uses_what_the_theme_fetches_on_demand(documents):
    """The theme's scripts fetch a library for diagrams, and facts about a repository."""
    used = set().union(*(document.classes for document in documents.values()))
    assert not used & {"mermaid", "md-source"}
    assert "md-search" in used


def test_search_works_in_pages_opened_as_files(site, documents):
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = ")
    assert "extract_roads" in index
    assert any(link.endswith("assets/iframe-worker.js") for link in documents[site / "index.html"].loaded)


def test_every_command_is_in_the_reference(documents, site):
    page = documents[site / "reference" / "cli.html"]
    assert {f"road-extract-{name}" for name in COMMANDS} <= page.ids
    assert "Sentinel" not in (site / "reference" / "cli.html").read_text(encoding="utf-8")


def test_every_public_name_is_in_the_reference(documents, site):
    ids = set().union(*(documents[path].ids for path in (site / "reference" / "api").glob("*.html")))
    missing = {name for name in road_extract.__all__ if name != "__version__" and f"road_extract.{name}" not in ids}
    assert not missing, f"add `::: road_extract.NAME` to a page in docs/reference/api: {sorted(missing)}"


def test_options_have_their_own_help_in_the_reference(site):
    page = (site / "reference" / "api" / "scene.html").read_text(encoding="utf-8")
    assert "Longest gap to bridge where a road is likely to continue" in page
    assert "option(" not in page
