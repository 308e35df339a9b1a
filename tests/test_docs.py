from __future__ import annotations

import re
from importlib import import_module

import pytest

from road_extract.cli import COMMANDS
from tests.helpers.paths import REPOSITORY

PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "sample_tiles/README.md")]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))
#: A command as it is typed: up to the end of the line, a comment, or the end of inline code.
COMMAND = re.compile(r"road-extract (?!requires)([a-z]+)([^`#|;&\n]*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_are_valid_and_no_placeholder_is_left(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"@[A-Z]+@", text)
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_commands_of_a_page_exist_with_their_options(page):
    for name, rest in COMMAND.findall(page.read_text(encoding="utf-8").replace("\\\n", " ")):
        assert name in COMMANDS, name
        command = import_module(f"road_extract.cli.{name}").command
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
        assert set(OPTION.findall(rest)) <= known, f"road-extract {name}{rest}"


def test_commands_and_options_that_the_readme_names_exist(capsys):
    from road_extract.cli import run

    help_texts = ""
    for name in COMMANDS:
        run([name, "--help"])
        help_texts += capsys.readouterr().out
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for command in re.findall(r"road-extract ([a-z]+)", readme):
        assert command in COMMANDS
    for option in set(OPTION.findall(readme)):
        assert option in help_texts, option
