"""What the site takes from the rest of the repository: some files at its root, and a place for every decision record.

The pages keep the links that work in the repository; here, they are turned into links between pages of the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

#: Pages made of files outside docs/.
BORROWED = {
    "project/changelog.md": "CHANGELOG.md",
    "project/contributing.md": "CONTRIBUTING.md",
    "project/security-policy.md": "SECURITY.md",
    "project/sample-tiles.md": "sample_tiles/README.md",
}
LINK = re.compile(r"(\]\()([^)#\s]+)([^)]*\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the decision records in the navigation."""
    docs = Path(config.docs_dir)
    records = [path.relative_to(docs).as_posix() for path in sorted(docs.glob("decisions/0*.md"))]
    _replace(config.nav, "decisions/", ["decisions/README.md", *records])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    root = Path(config.docs_dir).parent
    for page, source in BORROWED.items():
        files.append(File.generated(config, page, content=(root / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages."""
    here = page.file.src_uri
    source = BORROWED.get(here, f"docs/{here}")
    pages = {borrowed: name for name, borrowed in BORROWED.items()}

    def to_page(link: re.Match[str]) -> str:
        before, target, after = link.groups()
        if ":" in target:
            return link.group()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        name = pages.get(path, path.removeprefix("docs/"))
        name = "decisions/README.md" if name == "decisions" else name
        return before + posixpath.relpath(name, posixpath.dirname(here) or ".") + after

    return LINK.sub(to_page, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Remove the marker that click has for "no default", and that mkdocs-click prints as if it were one."""
    return html.replace("<code>Sentinel.UNSET</code>", "")


def _replace(nav: Any, name: str, entries: list[str]) -> None:
    for item in nav:
        for title, value in item.items() if isinstance(item, dict) else ():
            if value == name:
                item[title] = entries
            elif isinstance(value, list):
                _replace(value, name, entries)
