"""The version, written in `pyproject.toml` only."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("road-extract")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
