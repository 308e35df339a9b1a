"""Makes a release: ``python packaging/release.py`` (``make release``).

Builds sdist and wheel twice and compares them byte by byte, checks them with twine, installs the wheel in a clean
environment and runs the demo from it, packs the QGIS plugin, and writes the release notes and the checksums:

    build twice -> dist/*.tar.gz, dist/*.whl -> twine -> clean environment, demo -> plugin zip, notes, SHA256SUMS

The version is written in pyproject.toml, and only there. CHANGELOG.md needs a section for it, or one for what is
unreleased.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
WORK = ROOT / "build" / "release"
SCENE = ROOT / "sample_tiles" / "vegas_pan.tif"
#: Time of files in archives that have no commit: the first that a zip file can hold.
_EARLIEST = "315532800"
NOTES = "RELEASE_NOTES.md"


def read_version() -> str:
    """The version in pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def read_notes(version: str, changelog: str) -> str:
    """The section of a version in the changelog, or that of what is unreleased, under the version's name.

    Raises:
        SystemExit: If there is neither.
    """
    parts = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    sections = {re.split(r"[\]\s]", part.lstrip("["), maxsplit=1)[0]: part.partition("\n")[2].strip() for part in parts}
    text = sections.get(version) or sections.get("Unreleased")
    if not text:
        sys.exit(f"CHANGELOG.md has no section for {version}, and nothing is unreleased; describe the release there")
    return f"# road_extract {version}\n\n{text}\n"


def build(out: Path) -> None:
    """Build sdist and wheel; nothing in them depends on the time or the place."""
    out.mkdir(parents=True)
    environ = {**os.environ, "SOURCE_DATE_EPOCH": _epoch(), "PYTHONHASHSEED": "0"}
    # without isolation, the tools are those of the development environment, the same for both builds
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT], env=environ)


def _epoch() -> str:
    """Seconds since 1970 of the commit, unless the environment says otherwise."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return os.environ["SOURCE_DATE_EPOCH"]
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or _EARLIEST


def build_twice() -> list[Path]:
    """Build twice, and move the result to dist/ if both are the same, byte for byte.

    Raises:
        SystemExit: If they differ.
    """
    shutil.rmtree(WORK, ignore_errors=True)
    first, second = WORK / "first", WORK / "second"
    build(first)
    build(second)
    for path in first.iterdir():
        if path.read_bytes() != (second / path.name).read_bytes():
            sys.exit(f"{path.name}: two builds of the same files differ; see {WORK}")
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    return [Path(shutil.copy(path, DIST)) for path in sorted(first.iterdir())]


def try_wheel(wheel: Path, *, light: bool) -> None:
    """Install the wheel in a clean environment, outside of the checkout, and extract the roads of a sample tile.

    Args:
        wheel: The wheel.
        light: Use the libraries of this environment instead of installing them again.
    """
    place = WORK / "clean"
    venv.create(place, with_pip=not light, clear=True)
    python = place / "bin" / "python"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ROAD_EXTRACT_"))}
    if light:
        target = WORK / "installed"
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel])
        libraries = os.pathsep.join(map(str, [target, *(path for path in sys.path if path.endswith("site-packages"))]))
        environ |= {"PYTHONPATH": libraries}
    else:
        _run([python, "-m", "pip", "install", "--quiet", wheel])
    out = WORK / "demo.geojson"
    out.unlink(missing_ok=True)
    for command in (
        ["-m", "road_extract", "--version"],
        ["-m", "road_extract", "extract", SCENE, out],
        ["-c", "from rasterio.rio.main import main_group; main_group(['roads', '--help'])"],
    ):
        _run([python, *command], cwd=WORK, env=environ)
    if '"Polygon"' not in out.read_text(encoding="utf-8"):
        sys.exit(f"{wheel.name}: the demo found no roads in {SCENE.name}")


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of all files, in the format of sha256sum."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _run(command: Sequence[str | Path], cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    print("+", " ".join(map(str, command)), flush=True)
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}")


def main() -> None:
    """Make the release."""
    parser = argparse.ArgumentParser(description="Make a release in dist/.")
    parser.add_argument("--light", action="store_true", help="try the wheel with the libraries of this environment")
    parser.add_argument("--version", action="store_true", help="print the version and do nothing")
    chosen = parser.parse_args()
    version = read_version()
    if chosen.version:
        print(version)
        return
    notes = read_notes(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    files = build_twice()
    _run([sys.executable, "-m", "twine", "check", "--strict", *files])
    try_wheel(next(path for path in files if path.suffix == ".whl"), light=chosen.light)
    _run([sys.executable, ROOT / "qgis" / "build_plugin.py", "--local"])
    shutil.copy(ROOT / "build" / "road_extract_qgis.zip", DIST / f"road_extract_qgis-{version}.zip")
    (DIST / NOTES).write_text(notes, encoding="utf-8")
    write_sums(DIST)
    print("\n".join(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes" for path in sorted(DIST.iterdir())))


if __name__ == "__main__":
    main()
