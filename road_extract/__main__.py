"""Runs the command line: `python -m road_extract` is the same as `road-extract`."""

from road_extract.cli import main

if __name__ == "__main__":
    main()
