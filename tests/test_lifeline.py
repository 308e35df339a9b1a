from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers.paths import REPOSITORY, SAMPLES


@pytest.mark.parametrize("watch", [True, False])
def test_stdin_is_watched_only_when_asked(tmp_path, watch):
    """Batch systems start programs with `</dev/null`, which must have no effect."""
    command = [sys.executable, "-m", "road_extract", *["--watch-stdin"] * watch]
    done = subprocess.run(
        [*command, "info", "--no-timing", str(SAMPLES / "vegas_utm.tif")],
        cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == (130 if watch else 0)
    assert ("interrupted" in done.stderr) == watch


def test_the_process_keeps_running_while_stdin_is_open():
    command = [
        sys.executable,
        "-m",
        "road_extract",
        "--watch-stdin",
        "info",
        "--no-timing",
        str(SAMPLES / "vegas_utm.tif"),
    ]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "646" in child.stdout.read()
        assert child.wait(60) == 0


def test_the_option_is_hidden():
    done = subprocess.run(
        [sys.executable, "-m", "road_extract", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "watch-stdin" not in done.stdout
