"""Runs a tutorial as it stands: its blocks in order, in one folder, and checks what the page says they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.paths import REPOSITORY, SAMPLES

TUTORIALS = REPOSITORY / "docs" / "tutorials"
#: A fence as ```bash, or as ``` { .bash .not-run } for what a test cannot do, such as installing.
FENCE = re.compile(r"^``` *(?:\{ *\.)?(\w+)([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d.,]*")
TIMEOUT_S = 900


@dataclass(slots=True)
class Block:
    """A block of a tutorial and what follows it.

    Attributes:
        language: bash or python.
        code: What is run.
        printed: Lines that the page shows as its output.
    """

    language: str
    code: str
    printed: list[str]


def read_blocks(page: Path) -> list[Block]:
    """Return the blocks of a page that are run."""
    blocks: list[Block] = []
    for language, attributes, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "text":
            blocks[-1].printed = text.splitlines()
        elif ".not-run" not in attributes:
            blocks.append(Block(language, text, []))
    return blocks


def run_tutorial(page: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Run all blocks of a page in a folder with a copy of the sample tiles.

    Raises:
        AssertionError: If a block fails, or does not print what the page shows.
    """
    blocks = read_blocks(page)
    assert blocks, f"{page.name} has nothing to run"
    shutil.copytree(SAMPLES, folder / "sample_tiles", ignore=shutil.ignore_patterns("__pycache__"))
    for block in blocks:
        command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, block.code], cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{page.name}: {block.code}\n{done.stdout}"
        check_printed(block.printed, done.stdout)


def check_printed(shown: list[str], printed: str) -> None:
    """Check that all lines that a page shows are printed, in this order.

    Numbers may differ, other lines may come between, and "..." in a line stands for anything.

    Raises:
        AssertionError: If one is missing.
    """
    lines = iter(_shape(line) for line in printed.splitlines())
    for line in shown:
        pattern = ".*".join(re.escape(part) for part in _shape(line).split("..."))
        assert line == "..." or any(re.fullmatch(pattern, other) for other in lines), (
            f"{line!r} is not printed, or not in this place:\n{printed}"
        )


def environ_with_package(bin_folder: Path) -> dict[str, str]:
    """Return an environment whose `road-extract` is this checkout, whatever is installed."""
    bin_folder.mkdir()
    command = bin_folder / "road-extract"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m road_extract "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([str(bin_folder), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8"}


def _shape(line: str) -> str:
    # processors differ in their arithmetic, so counts and scores may, and with them the widths of columns
    return " ".join(NUMBER.sub("#", line).split())
