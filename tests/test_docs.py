from __future__ import annotations

import re

import pytest

from road_extract.cli import COMMANDS
from tests.helpers.paths import REPOSITORY

PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "sample_tiles/README.md")]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_are_valid_and_no_placeholder_is_left(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"@[A-Z]+@", text)
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_commands_and_options_that_the_readme_names_exist(capsys):
    from road_extract.cli import run

    help_texts = ""
    for name in COMMANDS:
        run([name, "--help"])
        help_texts += capsys.readouterr().out
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for command in re.findall(r"road-extract ([a-z]+)", readme):
        assert command in COMMANDS
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", readme)):
        assert option in help_texts, option
