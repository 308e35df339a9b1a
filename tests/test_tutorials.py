"""The tutorials of the documentation do what they say (that of QGIS: tests/qgis/test_tutorial.py)."""

from __future__ import annotations

import pytest

from tests.helpers.tutorials import TUTORIALS, check_printed, environ_with_package, read_blocks, run_tutorial

PAGES = sorted(page for page in TUTORIALS.glob("*.md") if page.stem not in ("index", "qgis"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_does_what_it_says(page, tmp_path):
    environ = environ_with_package(tmp_path / "bin")
    folder = tmp_path / "work"
    folder.mkdir()
    run_tutorial(page, folder, environ)


def test_a_page_is_read_block_by_block(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```bash\nls\n```\n\n```text\na\n...\nb\n```\n\n``` { .bash .not-run }\nrm x\n```\n\n```python\nprint(1)\n```\n"
    )
    first, second = read_blocks(page)
    assert (first.language, first.code, first.printed) == ("bash", "ls\n", ["a", "...", "b"])
    assert (second.language, second.code, second.printed) == ("python", "print(1)\n", [])


@pytest.mark.parametrize(("shown", "agree"), [
    (["7 roads in a.gpkg"], True), (["roads in a.gpkg"], False), (["...", "done"], True),
    (["done", "7 roads in a.gpkg"], False), (["7 roads in b.gpkg"], False),
    (["7 roads ... a.gpkg", "...", "m..."], True), (["7 ... b.gpkg"], False),
])  # fmt: skip
def test_what_a_page_shows_must_be_printed_in_its_order(shown, agree):
    printed = "a note\n12  roads in a.gpkg\nmore\ndone\n"
    if agree:
        check_printed(shown, printed)
    else:
        with pytest.raises(AssertionError, match="is not printed"):
            check_printed(shown, printed)


def test_code_that_fails_fails_the_tutorial(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```bash\ntrue\nfalse | true\n```\n")
    with pytest.raises(AssertionError, match="false"):
        run_tutorial(page, tmp_path, environ_with_package(tmp_path / "bin"))
