"""Write a folder of wheels for computers without a network: ``python qgis/build_bundle.py`` (``make qgis-bundle``).

*Set up road extraction* takes it as its *Folder of wheels*. The wheels are for the Python that runs this and for this
kind of system; ``--python-version 3.12 --platform win_amd64`` and the like make them for another.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
OUT = ROOT / "build" / "road_extract_wheels"
REQUIREMENTS = FOLDER / "road_extract_qgis" / "inference-requirements.txt"

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]


def build(out: Path, target: list[str]) -> None:
    """Fill the folder; what an earlier version left there goes.

    Args:
        out: The folder.
        target: Further options of `pip download`, for another Python or system.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    run = ["download", "--quiet", "--only-binary", ":all:", *target, "-d", str(out), "-r", str(REQUIREMENTS)]
    subprocess.run([*PIP, *run], check=True)
    subprocess.run([*PIP, "wheel", "--quiet", "--no-deps", "-w", str(out), str(ROOT)], check=True)


def main() -> None:
    """Write it, and say what it is good for."""
    parser = argparse.ArgumentParser(description="Write a folder of wheels for computers without a network.")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--python-version", help="such as 3.12; that of this Python if left out")
    parser.add_argument("--platform", help="such as win_amd64, macosx_11_0_arm64; this one if left out")
    chosen = parser.parse_args()
    named = (("--python-version", chosen.python_version), ("--platform", chosen.platform))
    build(chosen.out, [part for name, value in named if value for part in (name, value)])
    wheels = list(chosen.out.glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in wheels)
    python = chosen.python_version or "{}.{}".format(*sys.version_info)
    print(
        f"{chosen.out}: {len(wheels)} wheels, {size / 1e6:.0f} MB, for Python {python} on this kind of system"
        if not chosen.platform
        else f"{chosen.out}: {len(wheels)} wheels, {size / 1e6:.0f} MB, for {chosen.platform}"
    )


if __name__ == "__main__":
    main()
